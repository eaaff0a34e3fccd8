"""What was quarantined lately, by reason and by event, as the dead-letter topics hold it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from kit.clock import Clock
from kit.errors import Transient

from operations.recovery.events import Failure
from operations.recovery.filters import Filter
from operations.recovery.session import open_session
from operations.recovery.sources import NoArchive
from operations.recovery.standing import STATES, Standing, State, newest, standings
from operations.settings import RecoverySettings

WINDOWS: Final[Mapping[str, timedelta]] = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
}
"""How far back a page looks."""
USUAL: Final = "24h"
MOST: Final = 20_000
"""Dead letters that a page reads at most."""
PAGE: Final = 50
"""Events on a page."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Events that were quarantined within a window, the newest first; of each its newest dead letter, without body.

    Attributes:
        standings: How far the recovery of each has come.
        is_cut: Whether there were more dead letters than a page reads: the newest are missing then.
        unreadable: How many could not be read.
        unknown: Why their states are not known, where the operational database is away: all are shown as open.
    """

    standings: Sequence[Standing]
    is_cut: bool = False
    unreadable: int = 0
    unknown: str | None = None

    @property
    def counts(self) -> Mapping[State, int]:
        """How many events there are in each state."""
        found = Counter(each.state for each in self.standings)
        return {state: found[state] for state in STATES}


@dataclass(slots=True)
class Reason:
    """A reason code: how many events have it in each state, when the newest came, and what one of them says."""

    code: str
    counts: Counter[State] = field(default_factory=Counter)
    newest: datetime | None = None
    example: str = ""

    @property
    def total(self) -> int:
        """How many events have it."""
        return self.counts.total()


@dataclass(frozen=True, slots=True)
class Choice:
    """Which quarantined events a page shows, or a run is about; None for any.

    Raises:
        ValueError: There is no such window or state; the message says which there are.
    """

    window: str = USUAL
    reason: str | None = None
    provider: str | None = None
    state: str = "open"
    event: str | None = None

    def __post_init__(self) -> None:
        if self.window not in WINDOWS:
            raise ValueError(f"there is no window {self.window!r}; there are {', '.join(WINDOWS)}")
        if self.state not in {*STATES, "all"}:
            raise ValueError(f"there is no state {self.state!r}; there are {', '.join(STATES)} and all")

    def filter(self, now: datetime) -> Filter:
        """Return the same as the recovery's commands take it."""
        return Filter(
            providers=_set(self.provider),
            since=now - WINDOWS[self.window],
            event_ids=_set(self.event),
            reasons=_set(self.reason),
        )

    def of(self, found: Iterable[Standing]) -> list[Standing]:
        """Return the events that are meant."""
        return [
            each
            for each in found
            if (self.state in {"all", each.state})
            and (self.reason is None or self.reason in each.failure.reason_codes)
            and (self.provider is None or self.provider == each.failure.provider)
            and (self.event is None or self.event == each.failure.event_id)
        ]

    def words(self) -> str:
        """Say which they are."""
        named = {"reason": self.reason, "provider": self.provider, "event": self.event}
        told = [f"{name} {value}" for name, value in named.items() if value is not None]
        state = "of any state" if self.state == "all" else self.state
        return ", ".join([state, *told, f"received within the last {self.window}"])


def reader(settings: RecoverySettings, clock: Clock) -> Callable[[str], Quarantined]:
    """Return what reads the dead letters of a window from their topics, and from no table of the lake."""

    def read(window: str) -> Quarantined:
        with open_session(settings, archive=NoArchive()) as session:
            letters = session.source.failures(Filter(since=clock() - WINDOWS[window]))
            failures = [each.bare() for each in islice(letters, MOST + 1)]
            is_cut = len(failures) > MOST
            unknown = None
            try:
                # Whether Bronze has a row would take a scan of it; the event's own page tells.
                found = standings(failures[:MOST], session.trail.last, session.rows, lambda _ids: set())
            except Transient as error:
                found, unknown = list(_unknown(failures[:MOST])), str(error)
            return Quarantined(_ordered(found), is_cut, session.source.unreadable, unknown)

    return read


def by_reason(found: Iterable[Standing]) -> list[Reason]:
    """Return the reasons of some events, those with most open events first; one event may have several."""
    reasons: dict[str, Reason] = {}
    for each in found:
        record = each.failure.record
        told = dict(zip(record.reason_codes, record.reasons, strict=False))
        for code in each.failure.reason_codes:
            reason = reasons.setdefault(code, Reason(code))
            reason.counts[each.state] += 1
            if reason.newest is None or each.failure.recorded_at > reason.newest:
                reason.newest, reason.example = each.failure.recorded_at, told.get(code, "")
    return sorted(reasons.values(), key=lambda each: (-each.counts["open"], -each.total, each.code))


def _unknown(failures: Iterable[Failure]) -> Iterator[Standing]:
    for failure, count in newest(failures).values():
        yield Standing(failure, count, "open", None)


def _ordered(found: Iterable[Standing]) -> list[Standing]:
    return sorted(found, key=lambda each: each.failure.recorded_at, reverse=True)


def _set(value: str | None) -> frozenset[str]:
    return frozenset() if value is None else frozenset({value})
