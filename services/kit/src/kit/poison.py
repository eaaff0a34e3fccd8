"""How many records of a stream may be unusable: a few are bad records, many mean that something else is wrong.

Both a number and a share are limited, over a sliding window. A number alone would let a slow stream lose all that it
carries; a share alone would stop a quiet one at its first bad record. The number grows with what is read: whoever reads
the backlog of days within a minute meets the bad records of days in it.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from time import monotonic

from kit.errors import Fault

_PLACES_TOLD = 5
_SLOTS = 60


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What a stream may hold that cannot be used.

    Attributes:
        max_count: Unusable records within the window; one more is too many if it is more than `count_ratio`, too. None
            where `max_ratio` alone decides.
        max_ratio: Largest share of them among all records of the window, from 0 to 1.
        spared: So many are never too many, whatever their share is.
        window_seconds: How long a record counts.
        count_ratio: Share of all records of the window up to which there may be more than `max_count`, from 0 to 1.
    """

    max_count: int | None = 20
    max_ratio: float = 0.5
    spared: int = 5
    window_seconds: float = 60.0
    count_ratio: float = 0.01


class PoisonLimit:
    """Counts what a stream could and could not use, and says when the stream has to stop. Holds no I/O.

    Its memory is bounded: it keeps the places of as many unusable records as it tolerates and numbers for each sixtieth
    of the window. Where `max_count` is None places are not to be given: there would be as many as there are records.

    Args:
        tolerance: See Tolerance.
        stream: What the records are, for the message: "records of payments.normalized".
        remedy: What whoever reads the message should do.
        what: What became of them, for the message.
        error: What is raised where there are too many.
        now: Returns a time in seconds that never goes back.
    """

    def __init__(
        self,
        tolerance: Tolerance,
        stream: str,
        remedy: str,
        *,
        what: str = "could not be used",
        error: type[Fault] = Fault,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._tolerance = tolerance
        self._stream = stream
        self._remedy = remedy
        self._what = what
        self._error = error
        self._now = now
        self._refused: OrderedDict[Hashable, tuple[float, str]] = OrderedDict()
        self._passed: deque[tuple[int, int]] = deque()
        self._without_place: deque[tuple[int, Counter[str]]] = deque()

    def passed(self, count: int = 1) -> None:
        """Note records that were used."""
        slot = self._slot(self._now())
        if self._passed and self._passed[-1][0] == slot:
            count += self._passed.pop()[1]
        self._passed.append((slot, count))
        self._forget()

    def refuse(self, place: Hashable | None, reason_code: str, *, undecided: int = 0) -> None:
        """Note a record that cannot be used, before it is dead-lettered. One place counts once, however often it comes.

        Args:
            place: Where the record is; None where that is unknown, so that it counts as often as it comes.
            reason_code: Why it cannot be used.
            undecided: Other records that have been read and are neither passed nor refused yet. They count as used:
                what takes longer to use than to refuse would otherwise look like a stream of nothing but bad records.

        Raises:
            Fault: There are too many; this one, too, stays where it is. The message says how many of how many, why,
                and where they are. It is of the type that was given as `error`.
        """
        now, tolerance = self._now(), self._tolerance
        if place is None:
            slot = self._slot(now)
            if not self._without_place or self._without_place[-1][0] != slot:
                self._without_place.append((slot, Counter()))
            self._without_place[-1][1][reason_code] += 1
        else:
            self._refused.pop(place, None)
            self._refused[place] = (now, reason_code)
        self._forget()
        refused = len(self._refused) + sum(codes.total() for _, codes in self._without_place)
        seen = refused + undecided + sum(count for _, count in self._passed)
        is_share = refused > tolerance.spared and refused > tolerance.max_ratio * seen
        most = None if tolerance.max_count is None else max(tolerance.max_count, int(tolerance.count_ratio * seen))
        if not is_share and (most is None or refused <= most):
            return
        message = self._message(refused, seen)
        while most is not None and len(self._refused) > most:
            self._refused.popitem(last=False)
        raise self._error(message)

    def _message(self, refused: int, seen: int) -> str:
        tolerance = self._tolerance
        reasons = Counter(code for _, code in self._refused.values())
        for _, codes in self._without_place:
            reasons += codes
        told = ", ".join(f"{code} ({number})" for code, number in reasons.most_common())
        places = list(map(str, self._refused))
        where = f"; at {', '.join(places[:_PLACES_TOLD])}" if places else ""
        if len(places) > _PLACES_TOLD:
            where = f"{where} … {places[-1]}"
        share = f"{tolerance.max_ratio:.0%} of all beyond {tolerance.spared}"
        count = f"{tolerance.max_count} or {tolerance.count_ratio:.2%} of all, whichever is more"
        tolerated = share if tolerance.max_count is None else f"{count}, and {share}"
        return (
            f"{refused} of {seen} {self._stream} {self._what} within {tolerance.window_seconds:g} s: {told}{where}. "
            f"Tolerated are {tolerated}. {self._remedy}"
        )

    def _forget(self) -> None:
        since = self._now() - self._tolerance.window_seconds
        while self._refused and next(iter(self._refused.values()))[0] < since:
            self._refused.popitem(last=False)
        oldest = self._slot(since)
        while self._passed and self._passed[0][0] < oldest:
            self._passed.popleft()
        while self._without_place and self._without_place[0][0] < oldest:
            self._without_place.popleft()

    def _slot(self, at: float) -> int:
        return int(at * _SLOTS // self._tolerance.window_seconds)
