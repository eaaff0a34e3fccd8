"""Dead letters of the orchestrator, on the topic on which the normalizer's are."""

import asyncio
from datetime import datetime

import structlog
from kit.clock import Clock
from kit.errors import Fault, Rejected, Transient
from kit.kafka import AvroEncoder, Producer, RegistryClient
from payments_contracts.pins.orchestrator import ValidationFailure
from payments_contracts.schemas import schema
from payments_contracts.topics import NORMALIZED, VALIDATION_DLQ

from orchestrator import metrics
from orchestrator.messages import DeadLetter

_log = structlog.get_logger(__name__)


class DeadLetterTopic:
    """Writes dead letters to Kafka. Connects at the first, since nearly all deployments never need it.

    Args:
        bootstrap_servers: Kafka's brokers.
        registry_url: The Schema Registry, which must hold the contract's schema.
        clock: Returns the present time.
    """

    def __init__(self, bootstrap_servers: str, registry_url: str, clock: Clock) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._registry_url = registry_url
        self._clock = clock
        self._connecting = asyncio.Lock()
        self._connected: tuple[Producer, AvroEncoder] | None = None

    async def write(self, letter: DeadLetter) -> None:
        """Return once the letter is on every in-sync replica. A payload that Kafka does not take is left out.

        Raises:
            Transient: Kafka or the registry is away.
            Fault: The contract's schema is not registered.
        """
        producer, encoder = await self._connection()
        record = _record(letter, self._clock())
        try:
            await _produce(producer, record, encoder)
        except Rejected:
            await _produce(producer, record.model_copy(update={"payload": b""}), encoder)
        metrics.DEAD_LETTERS.labels(letter.reason_code).inc()
        _log.warning("dead_lettered", event_id=letter.event.event_id, reason=letter.reason_code)

    async def close(self) -> None:
        """Wait for what is under way and disconnect."""
        if self._connected is not None:
            await self._connected[0].close()

    async def _connection(self) -> tuple[Producer, AvroEncoder]:
        async with self._connecting:
            if self._connected is None:
                text = schema(VALIDATION_DLQ.record, VALIDATION_DLQ.version)
                schema_id = await asyncio.to_thread(self._look_up, text)
                producer = Producer(self._bootstrap_servers, "orchestrator-dead-letters", deadline_seconds=20.0)
                self._connected = producer, AvroEncoder(text, schema_id)
            return self._connected

    def _look_up(self, text: str) -> int:
        with RegistryClient(self._registry_url, patience_seconds=5.0) as registry:
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


def _record(letter: DeadLetter, now: datetime) -> ValidationFailure:
    event, position = letter.event, letter.position
    return ValidationFailure(
        event_id=event.event_id,
        provider=event.provider,
        provider_event_id=event.provider_event_id,
        provider_event_type=event.event_type,
        merchant_id=event.merchant_id,
        reason_codes=[letter.reason_code],
        reasons=[letter.reason],
        payload=event.model_dump_json().encode(),
        source_topic=NORMALIZED.name if position is None else position.topic,
        source_partition=-1 if position is None else position.partition,
        source_offset=-1 if position is None else position.offset,
        received_at=event.processed_at,
        failed_at=now,
        schema_version=VALIDATION_DLQ.version,
    )
