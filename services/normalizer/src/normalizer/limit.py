"""How many messages may be dead-lettered: a few pass by, many mean that something else is wrong."""

from collections import deque
from collections.abc import Callable

from normalizer.errors import TooManyDeadLetters

_PARTS = 60


class DeadLetterLimit:
    """Counts messages over a sliding window, and refuses to go on when too many of them are dead letters of one kind.

    Too many is more than `count`, and more than the part `share` of all, within `window_s` seconds. A worker that
    begins anew counts from zero.

    Args:
        what: What became of those messages, for the error: "could not be used".
        setting: How the settings' names begin, for the error.
        count: So many are never too many.
        share: Nor are those that are no larger part of all messages.
        window_s: Seconds for which a message counts.
        monotonic: Returns seconds that never go back.
    """

    def __init__(
        self,
        *,
        what: str,
        setting: str,
        count: int,
        share: float,
        window_s: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._what = what
        self._setting = setting
        self._count = count
        self._share = share
        self._window_s = window_s
        self._monotonic = monotonic
        # Of each part of the window: when it ends, how many messages came in it, how many of them were dead letters.
        self._parts: deque[list[float]] = deque()
        self._all = 0.0
        self._dead = 0.0

    def note(self, reason_code: str | None = None) -> None:
        """Count one message, with the reason code of one that is to be dead-lettered.

        Raises:
            TooManyDeadLetters: It is one too many; it is not to be dead-lettered any more.
        """
        now = self._monotonic()
        if not self._parts or now >= self._parts[-1][0]:
            self._parts.append([now + self._window_s / _PARTS, 0, 0])
            while self._parts[0][0] <= now - self._window_s:
                _, every, bad = self._parts.popleft()
                self._all -= every
                self._dead -= bad
        part = self._parts[-1]
        part[1] += 1
        self._all += 1
        if reason_code is None:
            return
        part[2] += 1
        self._dead += 1
        if self._dead > self._count and self._dead > self._share * self._all:
            raise TooManyDeadLetters(
                f"{self._dead:.0f} of {self._all:.0f} messages of the last {self._window_s:g} s {self._what}, the last "
                f"one for {reason_code}, and {self._count} may: see the reasons on the dead-letter topic, mend what "
                "writes such messages or what reads them, and start again; or let more pass with "
                f"{self._setting}_COUNT and {self._setting}_SHARE"
            )
