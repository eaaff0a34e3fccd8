"""Topics, asked for the records of events: at places, and within moments."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from kit.connection import Http, Kafka
from kit.errors import Rejected, Transient
from kit.kafka import AvroDecoder, Message, RegistryClient
from payments_contracts.schemas import schema
from payments_contracts.topics import Topic

from operations.audit.hops import Place
from operations.audit.topics import Topics
from operations.recovery.events import Position
from operations.recovery.scan import Scanner
from operations.recovery.topics import Decoder, Scan
from operations.trace.facts import Seen

_TIMEOUT_SECONDS: Final = 2.0
_REGISTRY_SECONDS: Final = 1.0
MOST: Final = 50_000
"""Records that one question reads of a topic at most."""
_OTHERS: Final = 1_000
"""Records of others that are decoded for one question at most: to search takes a moment, to decode takes long."""


@dataclass(frozen=True, slots=True)
class Within:
    """The records that were found within some time, and whether every record of that time was looked at."""

    seen: list[Seen]
    is_whole: bool


class EventRecords:
    """Reads records of events. For one thread.

    Args:
        scan: Reads topics.
        behind: Returns how many records a group has still to read up to a place, itself included.
        decoder_of: Gives what reads a topic's records.
    """

    def __init__(self, scan: Scan, behind: Callable[[str, Place], int], decoder_of: Callable[[Topic], Decoder]) -> None:
        self._scan = scan
        self.behind = behind
        self._decoder_of = decoder_of

    def at(self, topic: Topic, places: Collection[Place], event_id: str) -> list[Seen]:
        """Return the records of an event at some places, as far as the topic holds them.

        Raises:
            Transient: Kafka does not answer.
            Fault: There is no such topic.
        """
        found = self._scan.at([Position(*place) for place in places])
        return self._seen(topic, found, {event_id})

    def between(self, topic: Topic, ids: Collection[str], since: datetime, until: datetime | None = None) -> Within:
        """Return the records that name one of some ids, event's or provider's, written within some time.

        No more than MOST records are read, and fewer where the ids stand in too many records of others.

        Raises:
            Transient: Kafka does not answer.
            Fault: There is no such topic.
        """
        messages = self._scan.scan(topic.name, since, until)
        seen = self._seen(topic, islice(messages, MOST), ids)
        return Within(seen, next(messages, None) is None)

    def _seen(self, topic: Topic, messages: Iterable[Message], ids: Collection[str]) -> list[Seen]:
        # An id stands in a record as its plain bytes: most records need not be decoded to know that they are others.
        texts = [each.encode() for each in ids]
        found: list[Seen] = []
        others = 0
        for message in messages:
            value = message.value or b""
            if not any(text in value for text in texts):
                continue
            record = self._decoded(topic, value)
            # One that cannot be read now is the event's by its bytes.
            if record is None or not {record.get("event_id"), record.get("provider_event_id")}.isdisjoint(ids):
                place = Place(message.topic, message.partition, message.offset)
                at = datetime.fromtimestamp(message.timestamp / 1000, UTC)
                found.append(Seen(place, at, record or {}, message.headers))
            elif (others := others + 1) == _OTHERS:
                break
        return found

    def _decoded(self, topic: Topic, value: bytes) -> dict[str, Any] | None:
        try:
            return self._decoder_of(topic).decode(value)
        except (Rejected, Transient):
            return None


@contextmanager
def open_records(kafka: Kafka, http: Http) -> Iterator[EventRecords]:
    """Connect to Kafka and the registry, lazily, without being a member of a group."""
    scanner = Scanner(kafka, _TIMEOUT_SECONDS)
    known: dict[str, Decoder] = {}

    def decoder_of(topic: Topic) -> Decoder:
        if topic.name not in known:
            known[topic.name] = AvroDecoder(registry, schema(topic.record, topic.consumers["operations"]))
        return known[topic.name]

    def behind(group: str, place: Place) -> int:
        topics = Topics(kafka)
        try:
            committed = topics.committed(group, place.topic)
            first = 0 if place.partition in committed else topics.bounds(place.topic)[place.partition][0]
        finally:
            topics.close()
        return place.offset + 1 - committed.get(place.partition, first)

    try:
        with RegistryClient(http, patience_seconds=_REGISTRY_SECONDS) as registry:
            yield EventRecords(scanner, behind, decoder_of)
    finally:
        scanner.close()
