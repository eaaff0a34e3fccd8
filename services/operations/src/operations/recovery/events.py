"""Events as the recovery knows them, wherever they were read."""

from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Literal

from payments_contracts.pins.operations import ProviderEvent
from payments_contracts.records import QuarantinedEventV1 as QuarantinedEvent
from payments_contracts.topics import NORMALIZED

Origin = Literal["topic", "archive", "dead_letter"]
"""Where an original record was: its raw topic, the lake, or nowhere but in the dead letter that holds its body."""

Stage = Literal["gateway", "normalizer", "orchestrator"]
"""Who quarantined an event."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in Kafka."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"


@dataclass(frozen=True, slots=True)
class RawEvent:
    """A webhook as the gateway kept it, and where.

    `value` is the record's very bytes, where the raw topic still has them; else the record is encoded again.
    """

    record: ProviderEvent
    origin: Origin
    position: Position | None
    value: bytes | None = None

    @property
    def event_id(self) -> str:
        """Return the id that all hops know the event by."""
        return self.record.event_id

    @property
    def provider(self) -> str:
        """Return whose webhook it is."""
        return self.record.provider

    @property
    def event_type(self) -> str:
        """Return the provider's own name of the event type."""
        return self.record.provider_event_type

    @property
    def merchant_id(self) -> str:
        """Return the merchant, by which the record is keyed."""
        return self.record.merchant_id

    @property
    def received_at(self) -> datetime:
        """Return when the gateway had read the webhook (UTC)."""
        return self.record.received_at

    @property
    def schema_version(self) -> int:
        """Return the version of its contract that the record is of."""
        return self.record.schema_version

    @property
    def size(self) -> int:
        """Return how many bytes its body has."""
        return len(self.record.payload)

    def bare(self) -> "RawEvent":
        """Return it without body and headers, for who only counts."""
        return replace(self, record=self.record.model_copy(update={"payload": b"", "headers": {}}), value=None)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A body that was read and not kept: how many bytes it has, and what tells it from others."""

    size: int
    digest: bytes


NOT_READ = LeftOut(0, b"")
"""Of a body that was not read, so that nothing is known of it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A dead letter, in the form in which the archive keeps those of both topics, and where it was found.

    `left_out` is what is known of its body where that is not kept: there may be more dead letters than memory holds.
    """

    record: QuarantinedEvent
    origin: Origin
    left_out: LeftOut | None = None

    @property
    def event_id(self) -> str:
        """Return the id that all hops know the event by."""
        return self.record.event_id

    @property
    def provider(self) -> str:
        """Return whose webhook it is."""
        return self.record.provider

    @property
    def event_type(self) -> str | None:
        """Return the provider's own name of the event type; None where the gateway could not read it."""
        return self.record.provider_event_type

    @property
    def merchant_id(self) -> str | None:
        """Return the merchant; None where that could not be told."""
        return self.record.merchant_id

    @property
    def received_at(self) -> datetime:
        """Return when the gateway had read the webhook (UTC)."""
        return self.record.received_at

    @property
    def recorded_at(self) -> datetime:
        """Return when the dead letter was written to its topic (UTC)."""
        return self.record.kafka_timestamp

    @property
    def schema_version(self) -> int:
        """Return the version of its contract that the dead letter is of."""
        return self.record.schema_version

    @property
    def reason_codes(self) -> tuple[str, ...]:
        """Return the codes of its reasons, each once."""
        return tuple(dict.fromkeys(self.record.reason_codes))

    @property
    def stage(self) -> Stage:
        """Return who quarantined the event."""
        if self.source is None:
            return "gateway"
        return "orchestrator" if self.source.topic == NORMALIZED.name else "normalizer"

    @property
    def source(self) -> Position | None:
        """Return where the event had been read; None of what got no further than the gateway."""
        topic, partition, offset = self.record.source_topic, self.record.source_partition, self.record.source_offset
        return None if topic is None or partition is None or offset is None else Position(topic, partition, offset)

    @property
    def position(self) -> Position:
        """Return where the dead letter is or was."""
        return Position(self.record.kafka_topic, self.record.kafka_partition, self.record.kafka_offset)

    @property
    def size(self) -> int:
        """Return how many bytes its body has, also where that is left out."""
        return len(self.record.payload) if self.left_out is None else self.left_out.size

    def holds(self, value: bytes | None) -> bool:
        """Tell whether its body is these very bytes."""
        if value is None or len(value) != self.size:
            return False
        if self.left_out is None:
            return value == self.record.payload
        return sha256(value).digest() == self.left_out.digest

    def bare(self) -> "Failure":
        """Return it without body and headers."""
        if self.left_out is not None:
            return self
        body = self.record.payload
        record = self.record.model_copy(update={"payload": b"", "headers": {}})
        return Failure(record, self.origin, LeftOut(len(body), sha256(body).digest()))
