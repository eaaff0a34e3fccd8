"""The topics' part of a look: which events are raw, normalized, quarantined and dead-lettered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from kit.kafka import AvroDecoder, RegistryClient
from payments_contracts.normalize import Normalized, Unsupported, normalize
from payments_contracts.schemas import schema
from payments_contracts.topics import NORMALIZED, VALIDATION_DLQ, Topic, raw_topic

from operations.audit.hops import Event, Money, Place, Window
from operations.audit.topics import Decode, Offsets, Record, Topics, fields_of

SKEW: Final = timedelta(minutes=5)
"""How far the clocks of the programs that write to Kafka may be apart."""
SETTLING: Final = timedelta(minutes=15)
"""How far past a window its events are looked for at first; for what is missing then, to the topic's end."""

_RAW = (
    "event_id", "provider_event_id", "provider_event_type", "merchant_id", "payload", "received_at",
    "provider_created_at", "livemode",
)  # fmt: skip
_UNIFIED = ("event_id", "provider", "amount_cents", "currency", "processed_at")
_FAILURE = ("event_id", "source_topic")


@dataclass(slots=True)
class Streams:
    """What the topics had.

    Attributes:
        raw: How many different events the raw topics got in the window, and how many records.
        unsupported: How many of these the contracts have no mapping for.
        lost: Those that are neither normalized nor quarantined nor unsupported, as far as the topics tell.
        normalized: The events that were normalized in the window.
        seen: The ids of all events that were read on the normalized topic.
        quarantined: The ids of the events that the normalizer quarantined.
        dead: The ids of the events that the orchestrator could make no row of.
        unreadable: How many records nobody can decode, by topic.
    """

    raw: set[str] = field(default_factory=set)
    raw_records: int = 0
    unsupported: int = 0
    lost: dict[str, Event] = field(default_factory=dict)
    normalized: dict[str, Event] = field(default_factory=dict)
    seen: dict[str, Event] = field(default_factory=dict)
    quarantined: set[str] = field(default_factory=set)
    dead: set[str] = field(default_factory=set)
    unreadable: dict[str, int] = field(default_factory=dict)


class StreamReader:
    """Reads what a window of time left in the topics."""

    def __init__(self, topics: Topics, registry: RegistryClient, providers: Iterable[str]) -> None:
        self._topics = topics
        self._providers = tuple(providers)
        self._raw = {provider: _decoder(registry, raw_topic(provider), _RAW) for provider in self._providers}
        self._unified = _decoder(registry, NORMALIZED, _UNIFIED)
        self._failure = _decoder(registry, VALIDATION_DLQ, _FAILURE)

    def read(self, window: Window, dead_since: datetime, *, to_end: bool) -> Streams:
        """Read a window, and what became of its events until now.

        Args:
            window: What belongs to the look.
            dead_since: From when on there may be dead letters that matter.
            to_end: Whether normalized events are read to the end of their topic, even where none is missing.

        Raises:
            UnavailableError: Kafka does not answer.
            DeploymentError: A topic is missing.
        """
        found = Streams()
        self._read_failures(found, dead_since - SKEW)
        lead = self._topics.locate(NORMALIZED.name, window.since - SKEW)
        since, until, settled = (
            self._topics.locate(NORMALIZED.name, moment)
            for moment in (window.since, window.until, window.until + SETTLING)
        )
        self._read_unified(found, lead, settled, (since, until))
        if not window.is_empty:
            for provider in self._providers:
                self._read_raw(found, provider, window)
        if found.lost or to_end:
            end = {number: bound[1] for number, bound in self._topics.bounds(NORMALIZED.name).items()}
            self._read_unified(found, settled, end, ({}, {}))
            found.lost = {
                key: event
                for key, event in found.lost.items()
                if key not in found.seen and key not in found.quarantined
            }
        return found

    def _read_failures(self, found: Streams, start: datetime) -> None:
        name = VALIDATION_DLQ.name
        end = {number: bound[1] for number, bound in self._topics.bounds(name).items()}
        for record in self._records(found, name, self._topics.locate(name, start), end, self._failure):
            value = record.value or {}
            # Whose record could not be used tells who gave it up: the normalizer reads raw topics alone.
            group = found.dead if value["source_topic"] == NORMALIZED.name else found.quarantined
            group.add(value["event_id"])

    def _read_unified(self, found: Streams, start: Offsets, end: Offsets, inside: tuple[Offsets, Offsets]) -> None:
        for record in self._records(found, NORMALIZED.name, start, end, self._unified):
            value = record.value or {}
            place = record.place
            event = Event(
                value["event_id"],
                record.at,
                value["provider"],
                Money(value["currency"], value["amount_cents"]),
                value["processed_at"],
                place,
            )
            found.seen.setdefault(event.event_id, event)
            since, until = (bound.get(place.partition, 0) for bound in inside)
            if since <= place.offset < until:
                found.normalized.setdefault(event.event_id, event)

    def _read_raw(self, found: Streams, provider: str, window: Window) -> None:
        name = raw_topic(provider).name
        start, end = (self._topics.locate(name, moment) for moment in window)
        for record in self._records(found, name, start, end, self._raw[provider]):
            value = record.value or {}
            event_id = value["event_id"]
            found.raw.add(event_id)
            found.raw_records += 1
            if event_id in found.seen or event_id in found.quarantined:
                continue
            outcome = normalize(
                provider,
                value["payload"],
                value["merchant_id"],
                value["provider_event_id"],
                value["provider_event_type"],
                _milliseconds(value["received_at"]),
                _milliseconds(value["provider_created_at"]),
                value["livemode"],
            )
            if isinstance(outcome, Unsupported):
                found.unsupported += 1
            else:
                money = _money(outcome.event) if isinstance(outcome, Normalized) else None
                event = Event(event_id, record.at, provider, money, value["received_at"], record.place)
                found.lost.setdefault(event_id, event)

    def _records(self, found: Streams, name: str, start: Offsets, end: Offsets, decode: Decode) -> Iterable[Record]:
        for record in self._topics.read(name, start, end, decode):
            if record.value is None:
                found.unreadable[name] = found.unreadable.get(name, 0) + 1
            else:
                yield record


def passed(place: Place | None, committed: Mapping[str, Offsets]) -> bool:
    """Return whether the group that reads a record's topic has gone past it; True where it has no record."""
    if place is None:
        return True
    return place.offset < committed.get(place.topic, {}).get(place.partition, 0)


def _decoder(registry: RegistryClient, topic: Topic, names: Iterable[str]) -> Decode:
    return AvroDecoder(registry, fields_of(schema(topic.record, topic.version), names)).decode


def _money(event: Mapping[str, Any]) -> Money:
    return Money(str(event["currency"]), int(event["amount_cents"]))


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.astimezone(UTC).timestamp() * 1000)
