"""How many messages may be unusable: a few are dead-lettered and pass by, many mean that something else is wrong."""

from collections import deque
from collections.abc import Callable

from normalizer.errors import TooManyUnusable

_PARTS = 60


class UnusableLimit:
    """Counts messages over a sliding window, and refuses to go on when too many of them were unusable.

    Too many is more than `count`, and more than the part `share` of all, within `window_s` seconds. A worker that
    begins anew counts from zero.
    """

    def __init__(self, *, count: int, share: float, window_s: float, monotonic: Callable[[], float]) -> None:
        self._count = count
        self._share = share
        self._window_s = window_s
        self._monotonic = monotonic
        # Of each part of the window: when it ends, how many messages came in it, and how many of them were unusable.
        self._parts: deque[list[float]] = deque()
        self._all = 0.0
        self._unusable = 0.0

    def note(self, unusable: str | None = None) -> None:
        """Count one message; `unusable` is the reason code of one that could not be used.

        Raises:
            TooManyUnusable: It is one too many; it is not to be dead-lettered any more.
        """
        now = self._monotonic()
        if not self._parts or now >= self._parts[-1][0]:
            self._parts.append([now + self._window_s / _PARTS, 0, 0])
            while self._parts[0][0] <= now - self._window_s:
                _, every, bad = self._parts.popleft()
                self._all -= every
                self._unusable -= bad
        part = self._parts[-1]
        part[1] += 1
        self._all += 1
        if unusable is None:
            return
        part[2] += 1
        self._unusable += 1
        if self._unusable > self._count and self._unusable > self._share * self._all:
            raise TooManyUnusable(
                f"{self._unusable:.0f} of {self._all:.0f} messages of the last {self._window_s:g} s could not be used, "
                f"the last one for {unusable}, and {self._count} may: see the reasons on the dead-letter topic, mend "
                "what writes such messages or what reads them, and start again; or let more pass with "
                "NORMALIZER_UNUSABLE_COUNT and NORMALIZER_UNUSABLE_SHARE"
            )
