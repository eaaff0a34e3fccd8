"""Writes accepted and malformed webhooks to Kafka, each as its contract has it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple, Protocol

from kit.errors import Fault
from kit.kafka.wire import header
from payments_contracts.identity import malformed_event_id
from payments_contracts.topics import Topic
from payments_contracts.wire import encode_ingestion_failure_v1, encode_provider_event_v1

from gateway.envelope import Envelope
from gateway.errors import Malformed

# What is written below; a topic that is to hold another version is refused at start.
_EVENT_VERSION: Final = 1
_FAILURE_VERSION: Final = 1


class Producer(Protocol):
    """Writes records durably.

    `produce` returns only once every in-sync replica has the record. It raises Transient if that did not happen in
    time (the record may still arrive), Rejected if Kafka takes no record of this size, and Fault if it takes none any
    more. `check` gives None or what is wrong. After `close` nothing is in flight, and `produce` raises Transient.
    """

    def produce(self, topic: str, key: bytes, value: bytes) -> Awaitable[object]:
        """Write one record."""

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


class Delivery(NamedTuple):
    """What came in: the headers to keep, with names in lower case, the body as it was, and when it had been read.

    `received_at` is in milliseconds since 1970.
    """

    headers: Mapping[str, str]
    body: bytes
    received_at: int


class Publication:
    """Adapter to Kafka for one provider's webhooks: call `pin` before anything is written.

    Args:
        provider: Whose webhooks.
        producer: Writes to Kafka.
        accepted: Where events go.
        malformed: Where authentic webhooks go that are no events.
        schema_id_of: Finds the registered schemas.
    """

    def __init__(
        self, provider: str, producer: Producer, accepted: Topic, malformed: Topic, schema_id_of: SchemaIdOf
    ) -> None:
        for topic, version in ((accepted, _EVENT_VERSION), (malformed, _FAILURE_VERSION)):
            if topic.version != version:
                raise Fault(f"{topic.name} is to hold version {topic.version}, and the gateway writes {version}.")
        self._provider = provider
        self._producer = producer
        self._accepted = accepted
        self._malformed = malformed
        self._schema_id_of = schema_id_of
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

    def accept(self, envelope: Envelope, delivery: Delivery) -> Awaitable[object]:
        """Write an event to the provider's topic; raises what `Producer.produce` raises. To be awaited."""
        record = encode_provider_event_v1(
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
        )
        return self._write(self._accepted, envelope.merchant_id, record)

    async def dead_letter(self, malformed: Malformed, merchant_id: str, delivery: Delivery) -> str:
        """Write a malformed webhook to the dead-letter topic and return the record's id; raises as `accept` does."""
        event_id = malformed_event_id(delivery.body)
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
        await self._write(self._malformed, event_id, record)
        return event_id

    def _write(self, topic: Topic, key: str, record: bytes) -> Awaitable[object]:
        return self._producer.produce(topic.name, key.encode(), record)
