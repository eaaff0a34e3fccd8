"""Writes accepted and malformed webhooks to Kafka, each as its contract has it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from payments_contracts.identity import malformed_event_id
from payments_contracts.topics import Topic

from gateway.envelope import Envelope
from gateway.errors import Malformed


class Producer(Protocol):
    """Writes records durably.

    `produce` returns only once every in-sync replica has the record. It raises Transient if that did not happen in
    time (the record may still arrive), and Fault if it never will. `check` gives None or what is wrong. After `close`
    nothing is in flight, and `produce` raises Transient.
    """

    async def produce(self, topic: str, key: bytes, value: bytes) -> object:
        """Write one record."""

    async def warm_up(self, topics: list[str]) -> None:
        """Make the first record as fast as any; raises Transient while the brokers are away, Fault without topic."""

    def check(self) -> str | None:
        """Tell whether records can be written now."""

    async def close(self) -> object:
        """Wait for what is in flight, then stop."""


class Encoder(Protocol):
    """Turns a record into the bytes of a message."""

    def encode(self, record: Mapping[str, Any]) -> bytes:
        """Encode one record."""


@dataclass(frozen=True, slots=True)
class Target:
    """A topic and the encoder of its registered schema."""

    topic: Topic
    encoder: Encoder


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came in: the headers to keep, with names in lower case, the body as it was, and when it had been read."""

    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


class Publication:
    """Adapter to Kafka for one provider's webhooks."""

    def __init__(self, provider: str, producer: Producer, accepted: Target, malformed: Target) -> None:
        self._provider = provider
        self._producer = producer
        self._accepted = accepted
        self._malformed = malformed

    @property
    def topics(self) -> list[str]:
        """Names of the topics that are written to."""
        return [self._accepted.topic.name, self._malformed.topic.name]

    async def accept(self, envelope: Envelope, delivery: Delivery) -> None:
        """Write an event to the provider's topic; raises what `Producer.produce` raises."""
        record = {
            "event_id": envelope.event_id,
            "provider": self._provider,
            "provider_event_id": envelope.provider_event_id,
            "provider_event_type": envelope.event_type,
            "merchant_id": envelope.merchant_id,
            "api_version": envelope.api_version,
            "headers": delivery.headers,
            "payload": delivery.body,
            "provider_created_at": envelope.created_at,
            "received_at": delivery.received_at,
            "schema_version": self._accepted.topic.version,
        }
        await self._write(self._accepted, record)

    async def dead_letter(self, malformed: Malformed, merchant_id: str, delivery: Delivery) -> str:
        """Write a malformed webhook to the dead-letter topic and return the record's id; raises as `accept` does."""
        event_id = malformed_event_id(delivery.body)
        record = {
            "event_id": event_id,
            "provider": self._provider,
            "merchant_id": merchant_id,
            "stage": malformed.stage,
            "reason_code": malformed.reason_code,
            "reason": malformed.detail,
            "headers": delivery.headers,
            "payload": delivery.body,
            "received_at": delivery.received_at,
            "schema_version": self._malformed.topic.version,
        }
        await self._write(self._malformed, record)
        return event_id

    async def _write(self, target: Target, record: Mapping[str, Any]) -> None:
        key = str(record[target.topic.key]).encode()
        await self._producer.produce(target.topic.name, key, target.encoder.encode(record))
