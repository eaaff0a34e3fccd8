"""Floods of one kind of line become a trickle: the first of a window are shown, the next one says how many were not.

Texts of libraries are kinds, too. Where there are more than are told apart, all further ones of a logger and level are
one, so that a flood of which each line has other words is a trickle as well.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

WINDOW_SECONDS: Final = 10.0
SHOWN: Final = 20
"""Lines of one kind that are shown within a window."""
MOST_KINDS: Final = 200
"""Kinds that are told apart within a window: many more than a program has names of its own."""


@dataclass(slots=True)
class _Kind:
    since: float
    shown: int = 0
    left_out: int = 0


class Sampler:
    """Decides which lines are shown, for each kind of them by itself; what is counted stays with the metrics.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._kinds: dict[tuple[str, str, str], _Kind] = {}
        self._others: dict[tuple[str, str], _Kind] = {}
        self._lock = threading.Lock()

    def admit(self, logger: str, level: str, said: str) -> int | None:
        """Return how many lines of a kind were left out since the last that was shown, or None if this one is, too."""
        now = self._clock()
        with self._lock:
            state = self._kinds.get((logger, level, said)) or self._new(logger, level, said, now)
            if now - state.since >= WINDOW_SECONDS:
                state.since, state.shown = now, 0
            if state.shown >= SHOWN:
                state.left_out += 1
                return None
            state.shown += 1
            left_out, state.left_out = state.left_out, 0
            return left_out

    def _new(self, logger: str, level: str, said: str, now: float) -> _Kind:
        if len(self._kinds) >= MOST_KINDS:
            self._kinds = {kind: each for kind, each in self._kinds.items() if now - each.since < WINDOW_SECONDS}
        if len(self._kinds) >= MOST_KINDS:
            return self._others.setdefault((logger, level), _Kind(now))
        others = self._others.pop((logger, level), None)
        return self._kinds.setdefault((logger, level, said), _Kind(now, left_out=others.left_out if others else 0))
