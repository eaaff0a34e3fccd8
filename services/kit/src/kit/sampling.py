"""Floods of one kind of line become a trickle: the first of a window are shown, the next one says how many were not."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

WINDOW_SECONDS: Final = 10.0
SHOWN: Final = 20
"""Lines of one kind that are shown within a window."""
_MOST_KINDS: Final = 1000


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
        self._kinds: dict[tuple[str, ...], _Kind] = {}
        self._lock = threading.Lock()

    def admit(self, *kind: str) -> int | None:
        """Return how many lines of a kind were left out since the last that was shown, or None if this one is, too."""
        now = self._clock()
        with self._lock:
            state = self._kinds.get(kind)
            if state is None:
                if len(self._kinds) >= _MOST_KINDS:
                    # Texts of libraries are kinds, too, and may have numbers in them.
                    self._kinds.clear()
                state = self._kinds[kind] = _Kind(now)
            if now - state.since >= WINDOW_SECONDS:
                state.since, state.shown = now, 0
            if state.shown >= SHOWN:
                state.left_out += 1
                return None
            state.shown += 1
            left_out, state.left_out = state.left_out, 0
            return left_out
