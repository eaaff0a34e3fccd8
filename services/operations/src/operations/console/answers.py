"""Answers that are kept for some seconds, so that any number of pages asks each part no more often than one does."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final, Generic, TypeVar

from kit.clock import Clock
from kit.errors import PipelineError

from operations.trace.asking import Asked, guarded

T = TypeVar("T")
U = TypeVar("U")

# A costly question that took long is asked again the later: it is under way for no more than a tenth of the time.
_SHARE: Final = 10
_STALE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What a part said last.

    Attributes:
        value: What it said; None where it has not said anything yet.
        at: When it said that (UTC).
        away: Why nothing newer is known, where that is so.
        since: When that was first seen (UTC).
        is_due: Whether its first answer is still to come.
    """

    value: T | None = None
    at: datetime | None = None
    away: str | None = None
    since: datetime | None = None
    is_due: bool = True

    @property
    def now(self) -> T | None:
        """What it says now; None where it is away or has not answered yet."""
        return None if self.away is not None else self.value

    def as_other(self, change: Callable[[T], U]) -> "Answer[U]":
        """Return it with what it says put in another form."""
        value = None if self.value is None else change(self.value)
        return Answer(value, self.at, self.away, self.since, self.is_due)


class Kept(Generic[T]):
    """One question and its last answer. For any thread; nothing is asked unless somebody looks.

    Args:
        part: Whom it is put to, for the log.
        question: Returns the answer; raises a PipelineError where the part does not answer.
        clock: Returns the present time.
        seconds: How long an answer is kept.
        patience: Seconds after which a part that has not answered counts as away.
        is_costly: Whether an answer that took long is kept the longer.
    """

    def __init__(
        self,
        part: str,
        question: Callable[[], T],
        clock: Clock,
        *,
        seconds: float = 4.0,
        patience: float = 5.0,
        is_costly: bool = False,
    ) -> None:
        self._question = partial(guarded, part, question)
        self._clock = clock
        self._seconds, self._patience, self._is_costly = seconds, patience, is_costly
        self._lock = threading.Lock()
        self._asked: Asked[None] | None = None
        self._fresh_until = 0.0
        self._last: Answer[T] = Answer()

    def ask(self) -> None:
        """Put the question unless its answer is still fresh or under way; returns at once."""
        with self._lock:
            if self._asked is None and time.monotonic() >= self._fresh_until:
                self._asked = Asked(self._answer)

    def get(self, deadline: float) -> Answer[T]:
        """Return the answer, or what was said before where it has not come until `deadline` (by `time.monotonic`).

        What was said long ago, when somebody last looked, is not shown as if it were so now.
        """
        self.ask()
        asked = self._asked
        if asked is not None:
            try:
                asked.get(deadline)
            except TimeoutError:
                return self._late(asked)
        return self._last

    def _answer(self) -> None:
        began = time.monotonic()
        try:
            value = self._question()
        except PipelineError as error:
            with self._lock:
                self._note_away(str(error))
                self._rest(0.0)
        else:
            with self._lock:
                self._last = Answer(value, self._clock(), is_due=False)
                self._rest(_SHARE * (time.monotonic() - began) if self._is_costly else 0.0)

    def _late(self, asked: Asked[None]) -> Answer[T]:
        with self._lock:
            if self._asked is not asked:
                return self._last
            if asked.took > self._patience:
                # It stays under way: a server that hangs is not asked by one thread more each time.
                self._note_away(f"no answer within {self._patience:g} s")
            elif time.monotonic() > self._fresh_until + _STALE_SECONDS:
                return Answer()
            return self._last

    def _note_away(self, reason: str) -> None:
        since = self._last.since if self._last.away is not None else self._clock()
        self._last = replace(self._last, away=reason, since=since, is_due=False)

    def _rest(self, at_least: float) -> None:
        self._asked = None
        self._fresh_until = time.monotonic() + max(self._seconds, at_least)


class Shelf(Generic[T]):
    """Answers by what they are about, as many as people look at; the one that nobody has looked at longest goes first.

    Args:
        make: Makes what is kept under a key.
        most: How many are kept.
    """

    def __init__(self, make: Callable[[Hashable], Kept[T]], most: int) -> None:
        self._make = make
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Kept[T]] = OrderedDict()

    def get(self, key: Hashable) -> Kept[T]:
        """Return what is kept under a key."""
        with self._lock:
            if key not in self._kept:
                self._kept[key] = self._make(key)
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return self._kept[key]
