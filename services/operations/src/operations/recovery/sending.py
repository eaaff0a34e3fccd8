"""Writes original records to their raw topics again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from kit.connection import Kafka, kafka_options
from kit.kafka import AvroEncoder, RegistryClient
from payments_contracts.schemas import schema
from payments_contracts.topics import Topic, raw_topic

from operations.errors import UnavailableError
from operations.recovery.events import Position, RawEvent

RUN_HEADER = "redrive"
"""Header of a record that was written again: the id of the run that did it."""

_TIMEOUT_SECONDS = 30.0


@dataclass(slots=True)
class Batch:
    """What became of some records: where those are that Kafka acknowledged, by event id, and why others are not."""

    written: dict[str, Position] = field(default_factory=dict)
    trouble: str | None = None


class Sender:
    """Writes a record with the key that the gateway gave it, so that it comes to the partition of its merchant.

    A record's own bytes are written where they are known; else it is encoded with the topic's schema of today.

    Args:
        kafka: Where the brokers are, and how to come in.
        registry: Knows the ids of schemas.
        names: Names of the raw topics by provider, where they are others than the contracts'.
    """

    def __init__(self, kafka: Kafka, registry: RegistryClient, names: Mapping[str, str] | None = None) -> None:
        self._producer = Producer(
            {
                **kafka_options(kafka),
                "client.id": "payments-operations",
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 1,
                "delivery.timeout.ms": int(_TIMEOUT_SECONDS * 1000),
                "compression.type": "none",
                "log_level": 2,
            }
        )
        self._registry = registry
        self._names = names or {}
        self._encoders: dict[str, AvroEncoder] = {}

    def send(self, events: Sequence[RawEvent], run_id: str) -> Batch:
        """Write some events in their order, and return once it is known what became of each.

        Raises:
            UnavailableError: The registry does not answer; nothing was written.
            Fault: The contract's schema is not registered; nothing was written.
        """
        values = [event.value or self._encode(event) for event in events]
        batch = Batch()
        headers: list[tuple[str, str | bytes | None]] = [(RUN_HEADER, run_id.encode())]
        for event, value in zip(events, values, strict=True):
            topic = self._names.get(event.provider) or raw_topic(event.provider).name

            told = partial(_note, batch, event.event_id, topic)
            try:
                self._producer.produce(topic, value, event.merchant_id.encode(), on_delivery=told, headers=headers)
            except (BufferError, KafkaException) as error:
                batch.trouble = f"{topic}: {error}"
                break
        if self._producer.flush(_TIMEOUT_SECONDS) and batch.trouble is None:
            batch.trouble = f"Kafka did not acknowledge within {_TIMEOUT_SECONDS:g} s"
        return batch

    def _encode(self, event: RawEvent) -> bytes:
        topic = raw_topic(event.provider)
        encoder = self._encoders.get(topic.name)
        if encoder is None:
            encoder = self._encoders[topic.name] = self._encoder(topic)
        return encoder.encode(event.record.model_dump() | {"schema_version": topic.version})

    def _encoder(self, topic: Topic) -> AvroEncoder:
        text = schema(topic.record, topic.version)
        return AvroEncoder(text, self._registry.lookup(topic.subject, topic.version, text).id)


def _note(batch: Batch, event_id: str, topic: str, error: KafkaError | None, message: Message) -> None:
    if error is not None:
        batch.trouble = f"{topic}: {error.str()}"
    else:
        batch.written[event_id] = Position(topic, message.partition() or 0, message.offset() or 0)


def unacknowledged(batch: Batch) -> UnavailableError:
    """Say what keeps a batch from being written."""
    return UnavailableError(f"Not all was written: {batch.trouble}. What was is on record; run the command again.")
