"""Writes accepted and malformed webhooks to Kafka, each as its contract has it."""

import asyncio
from collections.abc import Callable, Mapping
from time import time
from typing import Final, Protocol

from kit.errors import Fault, Rejected, Transient
from kit.kafka import Done
from kit.kafka.wire import header
from kit.tracing import HEADER, Tracing, traceparent
from payments_contracts.topics import Topic
from payments_contracts.wire import encode_ingestion_failure_v1, encode_provider_event_v2

from gateway.envelope import Envelope
from gateway.errors import Malformed

# What is written below; a topic that is to hold another version is refused at start.
_EVENT_VERSION: Final = 2
_FAILURE_VERSION: Final = 1
_OTHER: Final = "other"


class Producer(Protocol):
    """Writes records durably. `check` gives None or what is wrong. After `close` nothing is in flight or taken."""

    def produce(
        self, topic: str, key: bytes, value: bytes, done: Done, headers: Mapping[str, bytes] | None = None
    ) -> None:
        """Write one record, and have `done` called once, maybe before this returns."""

    async def warm_up(self, topics: list[str]) -> None:
        """Make the first record as fast as any; raises Transient while the brokers are away, Fault without topic."""

    def check(self) -> str | None:
        """Tell whether records can be written now."""

    async def close(self) -> object:
        """Wait for what is in flight, then stop."""


SchemaIdOf = Callable[[Topic], int]
"""Returns the registry's id of the schema that records of a topic are written with; may block.

Raises Fault where the contract's schema is not registered, Transient where nobody can tell now.
"""


class Delivery:
    """What came in: the headers to keep, with names in lower case, the body as it was, and when it had been read.

    `received_at` is in milliseconds since 1970.
    """

    __slots__ = ("body", "headers", "received_at")

    def __init__(self, headers: Mapping[str, str], body: bytes = b"", received_at: int = 0) -> None:
        self.headers = headers
        self.body = body
        self.received_at = received_at


class Publication:
    """Adapter to Kafka for one provider's webhooks: call `pin` before anything is written.

    Args:
        provider: Whose webhooks.
        producer: Writes to Kafka.
        accepted: Where events go.
        malformed: Where authentic webhooks go that are not events.
        schema_id_of: Finds the registered schemas.
        tracing: Makes a span of each webhook, where spans are exported at all.
        event_types: Types that the contract knows. A span names no other: whoever sends one says what it is.
    """

    def __init__(
        self,
        provider: str,
        producer: Producer,
        accepted: Topic,
        malformed: Topic,
        schema_id_of: SchemaIdOf,
        *,
        tracing: Tracing | None = None,
        event_types: frozenset[str] = frozenset(),
    ) -> None:
        for topic, version in ((accepted, _EVENT_VERSION), (malformed, _FAILURE_VERSION)):
            if topic.version != version:
                raise Fault(f"{topic.name} is to hold version {topic.version}, and the gateway writes {version}.")
        self._provider = provider
        self._producer = producer
        self._accepted = accepted
        self._malformed = malformed
        self._schema_id_of = schema_id_of
        self._tracing = tracing
        self._event_types = event_types
        self._headers: dict[str, bytes] = {}
        self._trouble: str | None = "not looked up yet"

    @property
    def topics(self) -> list[str]:
        """Names of the topics that are written to."""
        return [self._accepted.name, self._malformed.name]

    async def pin(self) -> None:
        """Look up the schemas that records are written with; raises what `SchemaIdOf` raises.

        What was found before goes on being used while the registry is away; a Fault shows in `check`.
        """
        try:
            for topic in (self._accepted, self._malformed):
                self._headers[topic.name] = header(await asyncio.to_thread(self._schema_id_of, topic))
        except Fault as error:
            self._trouble = str(error)
            raise
        self._trouble = None

    def check(self) -> str | None:
        """Tell for /readyz whether the schemas are registered: None, or what is wrong."""
        return self._trouble

    def accept(self, envelope: Envelope, delivery: Delivery, done: Done) -> None:
        """Write an event to the provider's topic; `done` is told what became of it."""
        record = encode_provider_event_v2(
            prefix=self._headers[self._accepted.name],
            event_id=envelope.event_id,
            provider=self._provider,
            provider_event_id=envelope.provider_event_id,
            provider_event_type=envelope.event_type,
            merchant_id=envelope.merchant_id,
            api_version=envelope.api_version,
            headers=delivery.headers,
            payload=delivery.body,
            provider_created_at=envelope.created_at,
            received_at=delivery.received_at,
            schema_version=_EVENT_VERSION,
            livemode=envelope.livemode,
        )
        key = envelope.merchant_id.encode()
        if self._tracing is None:
            self._producer.produce(self._accepted.name, key, record, done)
            return
        kind = envelope.event_type if envelope.event_type in self._event_types else _OTHER
        about = {"payments.merchant_id": envelope.merchant_id, "payments.provider_event_type": kind}
        traced = self._traced(self._tracing, envelope.event_id, delivery, about, done)
        self._producer.produce(self._accepted.name, key, record, traced, _context(envelope.event_id))

    def dead_letter(
        self, malformed: Malformed, event_id: str, merchant_id: str, delivery: Delivery, done: Done
    ) -> None:
        """Write a malformed webhook to the dead-letter topic; `done` is told what became of it."""
        record = encode_ingestion_failure_v1(
            prefix=self._headers[self._malformed.name],
            event_id=event_id,
            provider=self._provider,
            merchant_id=merchant_id,
            stage=malformed.stage,
            reason_code=malformed.reason_code,
            reason=malformed.detail,
            headers=delivery.headers,
            payload=delivery.body,
            received_at=delivery.received_at,
            schema_version=_FAILURE_VERSION,
        )
        key = event_id.encode()
        if self._tracing is None:
            self._producer.produce(self._malformed.name, key, record, done)
            return
        about = {"payments.merchant_id": merchant_id, "payments.reason_code": malformed.reason_code}
        traced = self._traced(self._tracing, event_id, delivery, about, done)
        self._producer.produce(self._malformed.name, key, record, traced, _context(event_id))

    def _traced(
        self, tracing: Tracing, event_id: str, delivery: Delivery, about: Mapping[str, str], done: Done
    ) -> Done:
        """Return what makes a span of a webhook once it is known what became of it, and then tells who asked."""

        def told(error: Transient | Rejected | Fault | None) -> None:
            tracing.record(
                "webhook",
                event_id,
                delivery.received_at / 1000,
                time(),
                {"payments.provider": self._provider, **about},
                kind="server",
                error=None if error is None else type(error).__name__,
                is_root=True,
            )
            done(error)

        return told


def _context(event_id: str) -> Mapping[str, bytes] | None:
    value = traceparent(event_id)
    return None if value is None else {HEADER: value}
