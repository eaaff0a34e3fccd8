"""Dead letters of the orchestrator, on the topic on which the normalizer's are."""

import asyncio

import structlog
from kit.clock import Clock
from kit.connection import Http, Kafka
from kit.errors import Fault, Rejected, Transient
from kit.kafka import AvroEncoder, Producer, RegistryClient
from payments_contracts.pins.orchestrator import ValidationFailure
from payments_contracts.schemas import schema
from payments_contracts.topics import VALIDATION_DLQ

from orchestrator import metrics
from orchestrator.letters import cut, of_event, of_record
from orchestrator.messages import DeadLetter
from orchestrator.source import Poison

_log = structlog.get_logger(__name__)
# Before it is compressed: a record that was written compressed may be larger than what its topic takes, and its letter
# is so then, too.
_MOST_BYTES = 32 * 2**20


class DeadLetterTopic:
    """Writes dead letters to Kafka. Connects at the first, since nearly all deployments never need it.

    Args:
        kafka: Kafka's brokers.
        registry: The Schema Registry, which must hold the contract's schema.
        clock: Returns the present time.
    """

    def __init__(self, kafka: Kafka, registry: Http, clock: Clock) -> None:
        self._kafka = kafka
        self._registry = registry
        self._clock = clock
        self._connecting = asyncio.Lock()
        self._connected: tuple[Producer, AvroEncoder] | None = None

    async def write(self, letter: DeadLetter) -> None:
        """Return once the letter of an event is on every in-sync replica.

        Raises:
            Transient: Kafka or the registry is away.
            Fault: The contract's schema is not registered.
        """
        await self._send(of_event(letter, self._clock()))

    async def bury(self, poison: Poison) -> None:
        """Return once the letter of a record that is no event is on every in-sync replica; raises as `write` does."""
        await self._send(of_record(poison, self._clock()))

    async def close(self) -> None:
        """Wait for what is under way and disconnect."""
        if self._connected is not None:
            await self._connected[0].close()

    async def _send(self, letter: ValidationFailure) -> None:
        producer, encoder = await self._connection()
        try:
            await _produce(producer, letter, encoder)
        except Rejected:
            # Compressed as it came, all that came through a topic fits; but somebody may have changed the topic.
            letter = cut(letter)
            await _produce(producer, letter, encoder)
        metrics.DEAD_LETTERS.labels(letter.reason_codes[0]).inc()
        _log.warning(
            "dead_lettered",
            event_id=letter.event_id,
            reason=letter.reason_codes,
            source=f"{letter.source_topic}/{letter.source_partition}@{letter.source_offset}",
        )

    async def _connection(self) -> tuple[Producer, AvroEncoder]:
        async with self._connecting:
            if self._connected is None:
                text = schema(VALIDATION_DLQ.record, VALIDATION_DLQ.version)
                schema_id = await asyncio.to_thread(self._look_up, text)
                producer = Producer(
                    self._kafka,
                    "orchestrator-dead-letters",
                    deadline_seconds=20.0,
                    max_message_bytes=_MOST_BYTES,
                    compression="zstd",
                )
                self._connected = producer, AvroEncoder(text, schema_id)
            return self._connected

    def _look_up(self, text: str) -> int:
        with RegistryClient(self._registry, patience_seconds=5.0) as registry:
            return registry.lookup(VALIDATION_DLQ.subject, VALIDATION_DLQ.version, text).id


async def _produce(producer: Producer, record: ValidationFailure, encoder: AvroEncoder) -> None:
    acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(error: Transient | Rejected | Fault | None) -> None:
        if acknowledged.done():
            return
        if error is None:
            acknowledged.set_result(None)
        else:
            acknowledged.set_exception(error)

    value = encoder.encode(record.model_dump())
    producer.produce(VALIDATION_DLQ.name, record.event_id.encode(), value, settle)
    await acknowledged
