"""The topics' part of a look: which events are raw, normalized, quarantined and dead-lettered."""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from kit.kafka import AvroDecoder, RegistryClient
from payments_contracts.normalize import Normalized, Outcome, Unsupported, normalize
from payments_contracts.schemas import schema
from payments_contracts.topics import INGESTION_DLQ, NORMALIZED, VALIDATION_DLQ, Topic, raw_topic

from operations.audit.hops import Event, Money, Place, Window
from operations.audit.topics import Decode, Record, Topics, fields_of
from operations.stretches import Offsets

SKEW: Final = timedelta(minutes=5)
"""How far the clocks of the programs that write to Kafka may be apart."""
SETTLING: Final = timedelta(minutes=15)
"""How far past a window its events are looked for at first; for what is missing then, to the topic's end."""

MOST: Final = 50_000
"""How many offsets of a partition a look goes on at most, and how many records a window may have to be looked at whole.

A look holds its window's events at every hop, and of the normalized topic twenty minutes around them, too.
"""
_SHORTEST: Final = timedelta(minutes=5)
"""Windows are not divided below this: each costs the reading of those twenty minutes."""

_UNIFIED = ("event_id", "provider", "amount_cents", "currency", "processed_at")
_FAILURE = ("event_id", "source_topic", "received_at")
_REFUSAL = ("event_id", "received_at")

DEAD_LETTERS: Final = frozenset({INGESTION_DLQ.name, VALIDATION_DLQ.name})
"""What the gateways refused, and what became no event behind them: the archive keeps both in one table."""


@dataclass(slots=True)
class Streams:
    """What the topics had.

    Attributes:
        raw: The ids of the events that the raw topics got.
        unsupported: How many of these the contracts have no mapping for.
        lost: Those that are neither normalized nor quarantined nor unsupported, as far as the topics tell.
        normalized: The events that were normalized in the window.
        seen: The normalized events of the window and of the minutes around it; of what came later, those looked for.
        quarantined: The ids of the events that the normalizer quarantined.
        dead: The ids of the events that the orchestrator could make no row of.
        places: Where each raw record lies, with its event; what the archive has to have.
        dead_places: The same of dead letters, those of the gateways too.
        unread: How many offsets before the window's end its readers have not come to, by topic.
        positions: Where the next look goes on in each partition, as payments.stripe.raw/0.
        cut: The first offset that is left, of partitions in which some of the window may have been deleted, by topic.
        more: Whether there was more to read than a look reads.
        unreadable: How many records nobody can decode, by topic.
    """

    raw: set[str] = field(default_factory=set)
    unsupported: int = 0
    lost: dict[str, Event] = field(default_factory=dict)
    normalized: dict[str, Event] = field(default_factory=dict)
    seen: dict[str, Event] = field(default_factory=dict)
    quarantined: set[str] = field(default_factory=set)
    dead: set[str] = field(default_factory=set)
    places: dict[Place, Event] = field(default_factory=dict)
    dead_places: dict[Place, Event] = field(default_factory=dict)
    unread: dict[str, int] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    cut: dict[str, dict[int, int]] = field(default_factory=dict)
    more: bool = False
    unreadable: dict[str, int] = field(default_factory=dict)

    def records(self) -> Iterator[tuple[Place, Event]]:
        """Yield the records that the look is about with their places, those of a partition in their order."""
        yield from self.places.items()
        yield from self.dead_places.items()
        yield from ((event.place, event) for event in self.normalized.values() if event.place is not None)


@dataclass(frozen=True, slots=True)
class Reach:
    """What of the topics a look is about.

    Attributes:
        window: The time to look at.
        start: Where the last standing look ended, as in `Streams.positions`; a partition that it does not tell of is
            read from the window's begin.
        committed: How far the readers of each topic are. What they have not come to waits, and is not looked for yet.
        dead_since: From when on there may be dead letters that matter.
        followed: The ids of events that are looked for to the normalized topic's end, beside those that are missing.
    """

    window: Window
    start: Mapping[str, int]
    committed: Mapping[str, Offsets]
    dead_since: datetime
    followed: AbstractSet[str] = frozenset()


class StreamReader:
    """Reads what a window of time left in the topics."""

    def __init__(self, topics: Topics, registry: RegistryClient, providers: Iterable[str]) -> None:
        self._topics = topics
        self._providers = tuple(providers)
        self._raw = {provider: _decoder(registry, raw_topic(provider)) for provider in self._providers}
        self._unified = _decoder(registry, NORMALIZED, _UNIFIED)
        self._failure = _decoder(registry, VALIDATION_DLQ, _FAILURE)
        self._refusal = _decoder(registry, INGESTION_DLQ, _REFUSAL)
        # What was looked for in vain, and up to where.
        self._sought: AbstractSet[str] = frozenset()
        self._sought_to: Offsets = {}

    def divide(self, window: Window, most: int = MOST) -> Iterator[Window]:
        """Yield a window in pieces that have no more records than a look should hold, as far as topics still tell.

        Raises:
            UnavailableError: Kafka does not answer.
            DeploymentError: A topic is missing.
        """
        if window.until - window.since <= _SHORTEST or self._count(window) <= most:
            yield window
            return
        middle = (window.since + (window.until - window.since) / 2).replace(microsecond=0)
        yield from self.divide(Window(window.since, middle), most)
        yield from self.divide(Window(middle, window.until), most)

    def read(self, reach: Reach) -> Streams:
        """Read what a look is about, and what became of it until now.

        Raises:
            UnavailableError: Kafka does not answer.
            DeploymentError: A topic is missing.
        """
        found = Streams()
        self._read_failures(found, reach)
        self._read_refusals(found, reach)
        raw = {provider: self._stretch(found, raw_topic(provider).name, reach) for provider in self._providers}
        inside = self._stretch(found, NORMALIZED.name, reach)
        lead = self._topics.locate(NORMALIZED.name, reach.window.since - SKEW)
        lead = {number: min(offset, inside[0].get(number, offset)) for number, offset in lead.items()}
        settled = self._topics.locate(NORMALIZED.name, reach.window.until + SETTLING)
        self._read_unified(found, (lead, settled), inside)
        for provider, stretch in raw.items():
            self._read_raw(found, provider, stretch)
        self._seek(found, (found.lost.keys() | reach.followed) - found.seen.keys(), settled)
        return found

    def _count(self, window: Window) -> int:
        """Return how many records of a window the raw topics have, or the normalized one if it has more."""

        def count(name: str) -> int:
            since, until = (sum(self._topics.locate(name, moment).values()) for moment in window)
            return until - since

        return max(sum(count(raw_topic(provider).name) for provider in self._providers), count(NORMALIZED.name))

    def _seek(self, found: Streams, wanted: AbstractSet[str], start: Offsets) -> None:
        """Look for events to the end of the normalized topic, and keep these alone.

        The next look goes on from that end, where it has nothing else to look for: the topic may be days long.
        """
        if not wanted:
            return
        if wanted <= self._sought:
            start = {number: max(offset, self._sought_to.get(number, 0)) for number, offset in start.items()}
        end = {number: bound[1] for number, bound in self._topics.bounds(NORMALIZED.name).items()}
        self._read_unified(found, (start, end), ({}, {}), wanted)
        self._sought, self._sought_to = wanted - found.seen.keys(), end
        found.lost = {key: event for key, event in found.lost.items() if key not in found.seen}

    def _stretch(self, found: Streams, name: str, reach: Reach) -> tuple[Offsets, Offsets]:
        """Return from where to where a topic is looked at, and note what waits behind."""
        since, until = (self._topics.locate(name, moment) for moment in reach.window)
        read, bounds = reach.committed.get(name, {}), self._topics.bounds(name)
        start = {}
        for number, offset in since.items():
            # Behind the topic's end, it is a place in a topic that was there before this one and had the same name.
            ended = reach.start.get(f"{name}/{number}", offset)
            start[number] = ended if ended <= bounds[number][1] else offset
        end: dict[int, int] = {}
        for number, offset in until.items():
            come = max(start[number], min(offset, read.get(number, 0)))
            end[number] = min(come, start[number] + MOST)
            found.more |= end[number] < come
            found.positions[f"{name}/{number}"] = end[number]
            found.unread[name] = found.unread.get(name, 0) + max(0, offset - come)
            low = bounds[number][0]
            if low and start[number] <= low:
                found.cut.setdefault(name, {})[number] = low
        return start, end

    def _read_failures(self, found: Streams, reach: Reach) -> None:
        name = VALIDATION_DLQ.name
        start = self._topics.locate(name, min(reach.dead_since, reach.window.since) - SKEW)
        end = {number: bound[1] for number, bound in self._topics.bounds(name).items()}
        since, until = self._archived_stretch(found, name, reach)
        for record in self._records(found, name, start, end, self._failure):
            value = record.value or {}
            event_id, place = value["event_id"], record.place
            # Whose record could not be used tells who gave it up: the normalizer reads raw topics alone.
            group = found.dead if value["source_topic"] == NORMALIZED.name else found.quarantined
            group.add(event_id)
            if since[place.partition] <= place.offset < until[place.partition]:
                event = Event(event_id, record.at, processed_at=value["received_at"], place=place)
                found.dead_places[place] = event

    def _read_refusals(self, found: Streams, reach: Reach) -> None:
        """Read what the gateways refused: of no raw record, so that the archive alone is held against it."""
        name = INGESTION_DLQ.name
        for record in self._records(found, name, *self._archived_stretch(found, name, reach), self._refusal):
            value, place = record.value or {}, record.place
            found.dead_places[place] = Event(
                value["event_id"], record.at, processed_at=value["received_at"], place=place
            )

    def _archived_stretch(self, found: Streams, name: str, reach: Reach) -> tuple[Offsets, Offsets]:
        """Return from where to where the archiver has come; where it never ran, nothing waits for it."""
        stretch = self._stretch(found, name, reach)
        if name not in reach.committed:
            found.unread.pop(name)
        return stretch

    def _read_unified(
        self,
        found: Streams,
        stretch: tuple[Offsets, Offsets],
        inside: tuple[Offsets, Offsets],
        wanted: AbstractSet[str] | None = None,
    ) -> None:
        for record in self._records(found, NORMALIZED.name, *stretch, self._unified):
            value = record.value or {}
            if wanted is not None and value["event_id"] not in wanted:
                continue
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

    def _read_raw(self, found: Streams, provider: str, stretch: tuple[Offsets, Offsets]) -> None:
        for record in self._records(found, raw_topic(provider).name, *stretch, self._raw[provider]):
            value = record.value or {}
            event_id = value["event_id"]
            event = Event(event_id, record.at, provider, None, value["received_at"], record.place)
            found.raw.add(event_id)
            found.places[record.place] = event
            if event_id in found.seen or event_id in found.quarantined:
                continue
            outcome = outcome_of(provider, value)
            if isinstance(outcome, Unsupported):
                found.unsupported += 1
                continue
            if isinstance(outcome, Normalized):
                event = replace(event, money=_money(outcome.event))
            found.lost.setdefault(event_id, event)

    def _records(self, found: Streams, name: str, start: Offsets, end: Offsets, decode: Decode) -> Iterable[Record]:
        for record in self._topics.read(name, start, end, decode):
            if record.value is None:
                found.unreadable[name] = found.unreadable.get(name, 0) + 1
            else:
                yield record


def outcome_of(provider: str, value: Mapping[str, Any]) -> Outcome:
    """Return what today's contract makes of a raw record."""
    return normalize(
        provider,
        value["payload"],
        value["merchant_id"],
        value["provider_event_id"],
        value["provider_event_type"],
        _milliseconds(value["received_at"]),
        _milliseconds(value["provider_created_at"]),
        value["livemode"],
    )


def _decoder(registry: RegistryClient, topic: Topic, names: Iterable[str] | None = None) -> Decode:
    """Return what reads a topic's records, or only some of their fields."""
    text = schema(topic.record, topic.version)
    return AvroDecoder(registry, text if names is None else fields_of(text, names)).decode


def _money(event: Mapping[str, Any]) -> Money:
    return Money(str(event["currency"]), int(event["amount_cents"]))


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.astimezone(UTC).timestamp() * 1000)
