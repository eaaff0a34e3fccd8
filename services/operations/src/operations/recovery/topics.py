"""The topics as a source of events: raw events, and the dead letters of gateway, normalizer and orchestrator."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from kit.errors import Rejected
from kit.kafka import Message
from payments_contracts.pins.operations import ProviderEvent
from payments_contracts.records import QuarantinedEventV1 as QuarantinedEvent
from payments_contracts.topics import INGESTION_DLQ, VALIDATION_DLQ, raw_topic

from operations.recovery.events import Failure, Position, RawEvent
from operations.recovery.filters import Filter

# A record is written once the webhook has been read; clocks of gateway and broker may differ by so much.
SKEW = timedelta(minutes=5)
# And after so long at most: the gateway gives up within seconds. What is written later was redriven, and is known from
# its first record.
DELAY = timedelta(minutes=10)


class Scan(Protocol):
    """Reads records of topics; `scan.Scanner` is one."""

    def scan(self, topic: str, since: datetime | None = None, until: datetime | None = None) -> Iterator[Message]:
        """Yield the records that were written since one moment and before another."""

    def at(self, places: Collection[Position]) -> Iterator[Message]:
        """Yield the records at some places, as far as they are held."""

    def held_since(self, topic: str) -> datetime:
        """Return from when on a topic holds all that was written under its name."""

    def held(self, topic: str) -> Mapping[int, range]:
        """Return the offsets that each partition of a topic holds."""


class Decoder(Protocol):
    """Reads the value of a record; raises Rejected where it cannot."""

    def decode(self, value: bytes) -> dict[str, Any]:
        """Return the record."""


@dataclass(frozen=True, slots=True)
class Decoders:
    """What reads records of the topics, by what they hold."""

    raw: Decoder
    ingestion: Decoder
    validation: Decoder


@dataclass(frozen=True, slots=True)
class Names:
    """The topics by what they hold; `raw` by provider."""

    raw: Mapping[str, str]
    ingestion: str = INGESTION_DLQ.name
    validation: str = VALIDATION_DLQ.name

    @classmethod
    def of(cls, providers: Collection[str]) -> "Names":
        """Return the names of the contracts, for some providers."""
        return cls({provider: raw_topic(provider).name for provider in sorted(providers)})


class TopicSource:
    """Reads events from topics.

    Args:
        scan: Reads records.
        raw: Decodes raw events; `ingestion` and `validation` the dead letters of each topic.
        names: The topics.
    """

    def __init__(self, scan: Scan, names: Names, *, raw: Decoder, ingestion: Decoder, validation: Decoder) -> None:
        self._scan = scan
        self._names = names
        self._raw, self._ingestion, self._validation = raw, ingestion, validation
        self.unreadable = 0

    def raw(self, which: Filter) -> Iterator[RawEvent]:
        """Yield the raw events that a filter covers, partition by partition in their order."""
        since = None if which.since is None else which.since - SKEW
        until = None if which.until is None else which.until + DELAY
        for topic in self._topics_of(which):
            for message in self._scan.scan(topic, since, until):
                record = self._decoded(self._raw, message)
                if record is not None and which.covers(event := raw_event(message, record)):
                    yield event

    def failures(self, which: Filter, *, bodies: bool = True) -> Iterator[Failure]:
        """Yield the dead letters that a filter covers; they may have been written long after the webhook was read."""
        since = None if which.since is None else which.since - SKEW
        if which.quarantined_since is not None:
            since = which.quarantined_since if since is None else max(since, which.quarantined_since)
        for topic in (self._names.ingestion, self._names.validation):
            for message in self._scan.scan(topic, since):
                if (failure := self._failure(message)) is not None and which.covers(failure):
                    yield failure if bodies else failure.bare()

    def letters(self, failures: Sequence[Failure]) -> Iterator[Failure]:
        """Yield some dead letters with their bodies, as far as the topics still hold them."""
        for message in self._scan.at([failure.position for failure in failures if failure.origin == "topic"]):
            if (failure := self._failure(message)) is not None:
                yield failure

    def at(self, places: Collection[Position], within: Filter) -> Iterator[RawEvent]:  # noqa: ARG002  # a place needs no time
        """Yield the raw events at some places of the raw topics, as far as these still hold them."""
        ours = set(self._names.raw.values())
        for message in self._scan.at([place for place in places if place.topic in ours]):
            record = self._decoded(self._raw, message)
            if record is not None:
                yield raw_event(message, record)

    def providers(self, which: Filter) -> list[str]:
        """Return the providers that a filter covers, of those whose raw topics are read."""
        return [provider for provider in self._names.raw if not which.providers or provider in which.providers]

    def raw_since(self, provider: str) -> datetime:
        """Return from when on the raw topic of a provider holds all.

        Raises:
            KeyError: Its topic is not read.
        """
        return self._scan.held_since(self._names.raw[provider])

    def failures_since(self) -> datetime:
        """Return from when on the dead-letter topics hold all."""
        return max(self._scan.held_since(topic) for topic in (self._names.ingestion, self._names.validation))

    def held(self, topic: str) -> Mapping[int, range]:
        """Return the offsets that each partition of a topic holds; none of a topic that is not read."""
        ours = {*self._names.raw.values(), self._names.ingestion, self._names.validation}
        return self._scan.held(topic) if topic in ours else {}

    def _topics_of(self, which: Filter) -> list[str]:
        return [self._names.raw[provider] for provider in self.providers(which)]

    def _failure(self, message: Message) -> Failure | None:
        of_gateway = message.topic == self._names.ingestion
        record = self._decoded(self._ingestion if of_gateway else self._validation, message)
        return None if record is None else (refused if of_gateway else quarantined)(message, record)

    def _decoded(self, decoder: Decoder, message: Message) -> dict[str, Any] | None:
        try:
            return decoder.decode(message.value or b"")
        except Rejected:
            self.unreadable += 1
            return None


def raw_event(message: Message, record: Mapping[str, Any]) -> RawEvent:
    """Make a raw event of a message of a raw topic and the record in it."""
    return RawEvent(ProviderEvent.model_validate(record), "topic", _place(message), message.value)


def refused(message: Message, record: Mapping[str, Any]) -> Failure:
    """Make a dead letter of a message of the gateway's topic and the record in it."""
    codes = {"source": "ingestion", "reason_codes": [record["reason_code"]], "reasons": [record["reason"]]}
    return _failure(message, record, codes)


def quarantined(message: Message, record: Mapping[str, Any]) -> Failure:
    """Make a dead letter of a message of the topic of normalizer and orchestrator and the record in it."""
    return _failure(message, record, {"source": "validation", "headers": {}})


def _failure(message: Message, record: Mapping[str, Any], changes: Mapping[str, Any]) -> Failure:
    shared = {name: value for name, value in record.items() if name in QuarantinedEvent.model_fields}
    place = {
        "kafka_topic": message.topic,
        "kafka_partition": message.partition,
        "kafka_offset": message.offset,
        "kafka_timestamp": datetime.fromtimestamp(message.timestamp / 1000, UTC),
    }
    return Failure(QuarantinedEvent.model_validate({**shared, **changes, **place}), "topic")


def _place(message: Message) -> Position:
    return Position(message.topic, message.partition, message.offset)
