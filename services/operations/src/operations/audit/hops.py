"""The words of the audit: windows of time, hops, events as a place has them, and what differs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple

from payments_contracts.topics import INGESTION_DLQ

ARCHIVER: Final = "archiver-"
"""How the names of the archiver's groups begin."""
# Records lie in the order of their arrival in Kafka: of a gateway or a normalizer that was behind, or of what was sent
# again, the event came earlier. What has a row is not sent, so an earlier start costs only the reading.
_MARGIN = timedelta(days=3)

Hop = Literal[
    "acknowledged", "retention", "normalization", "archive", "quarantine_archive", "bronze", "database", "silver"
]
Kind = Literal["missing", "unknown_before", "differs", "deleted_unread", "fewer"]
State = Literal["pending", "open", "resolved", "accepted"]

HOPS: Mapping[Hop, str] = {
    "acknowledged": "what the gateways acknowledged is in the raw topics",
    "retention": "no record was deleted before it was read",
    "normalization": "raw is normalized, quarantined or unsupported",
    "archive": "raw is in the archive",
    "quarantine_archive": "dead letters are in the archive",
    "bronze": "normalized is in Bronze or dead-lettered",
    "database": "Bronze and the operational database have the same",
    "silver": "Bronze is in Silver",
}
"""Each hop and what has to be true of it, in the order of the path."""


class Window(NamedTuple):
    """A stretch of time: `since` belongs to it, `until` does not."""

    since: datetime
    until: datetime

    @property
    def is_empty(self) -> bool:
        """Whether nothing can be in it."""
        return self.until <= self.since

    def hours(self) -> "Iterator[Window]":
        """Yield it in pieces of an hour at most, each to the full hour."""
        start = self.since
        while start < self.until:
            end = min(floor_hour(start) + timedelta(hours=1), self.until)
            yield Window(start, end)
            start = end


class Place(NamedTuple):
    """Where a record lies in Kafka."""

    topic: str
    partition: int
    offset: int


class Money(NamedTuple):
    """An amount in the currency's minor unit."""

    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class Event:
    """An event as one place has it.

    Attributes:
        event_id: The id that it has at every hop.
        since: When the place got it, by Kafka's time or by what the row says (UTC).
        provider: Whose event it is, where the place tells.
        money: What it is about, where the place tells.
        processed_at: By which its rows are found (UTC), where the place tells.
        place: Its record, where the place is a topic.
        day: Day of the provider's own time, in UTC, by which Silver is partitioned.
    """

    event_id: str
    since: datetime
    provider: str | None = None
    money: Money | None = None
    processed_at: datetime | None = None
    place: Place | None = None
    day: str | None = None


Events = Mapping[str, Event]
"""Events by their id; of one that came several times, the first."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that differs, before it is known whether it is only under way."""

    hop: Hop
    subject: str
    kind: Kind
    detail: str
    event: Event


@dataclass(slots=True)
class Tally:
    """How many events each place had of a window, and their sums by currency in the minor unit."""

    counts: dict[str, int] = field(default_factory=dict)
    sums: dict[str, dict[str, int]] = field(default_factory=dict)

    def note(self, place: str, events: Events) -> None:
        """Count a place's events, and add up their amounts where it tells them."""
        self.counts[place] = len(events)
        sums: dict[str, int] = {}
        for event in events.values():
            if event.money is not None:
                sums[event.money.currency] = sums.get(event.money.currency, 0) + event.money.amount
        if sums:
            self.sums[place] = dict(sorted(sums.items()))


def floor_hour(moment: datetime) -> datetime:
    """Return the full hour at or before a moment."""
    return moment.replace(minute=0, second=0, microsecond=0)


def remedy(hop: str, kind: str, subject: str, event_at: datetime | None = None, detail: str = "") -> str:
    """Return what to do about a difference: the very command where there is one.

    Args:
        hop: Where it is.
        kind: How it differs.
        subject: The event, or the range of records.
        event_at: When the event came; of records that were deleted, when the last came that had been read before.
        detail: What was said of the difference; it names the group that had not read what was deleted.
    """
    if hop == "retention":
        if subject.startswith(f"{INGESTION_DLQ.name}/"):
            return (
                "the webhooks that the gateways refused then are lost: ask the provider to send them again, raise the "
                f"topic's retention_days, then payments audit accept {subject} --note 'lost to the archive'"
            )
        if ARCHIVER in detail:
            return (
                "their events went on, and their bytes are lost to the archive: raise the topic's retention_days, then "
                f"payments audit accept {subject} --note 'lost to the archive'"
            )
        since = "" if event_at is None else f" --since {(event_at - _MARGIN).astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
        return (
            f"payments replay{since} --without-row --execute; where that has sent what is missing: "
            f"payments audit accept {subject} --note 'replayed from the archive'"
        )
    if kind == "differs":
        return "two contracts or two hands made the two: compare the rows, correct one, then `payments audit`"
    return _REMEDIES.get(hop, _REPLAY).format(subject=subject)


_REPLAY: Final = "payments replay --event {subject} --execute"
# Where the event's workflow has ended with success, its record would only find that it has.
_RESTART: Final = "payments replay --event {subject} --restart --execute"
_REMEDIES: Final[Mapping[str, str]] = {
    "bronze": _RESTART,
    "database": _RESTART,
    "silver": "run Dagster's job `silver`; where it stays, see why that run failed",
    "acknowledged": "Kafka lost what it had confirmed: see the brokers' logs; ask the provider to send the hour again",
    "archive": "see the archiver's log and metrics: it stands, or skipped a range",
    "quarantine_archive": "see the archiver's log and metrics: it stands, or skipped a range",
}
