"""What is written to a topic from now on."""

from __future__ import annotations

import uuid
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import stamina
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from payments_contracts.topics import Topic


def _is_unknown_yet(error: Exception) -> bool:
    # A broker that has just started tells of its topics a moment later.
    return isinstance(error, KafkaException) and error.args[0].code() == KafkaError._UNKNOWN_PARTITION


class Tail:
    """What is written to a topic from now on, read by Confluent's own deserializer."""

    def __init__(self, stack: Mapping[str, str], topic: Topic) -> None:
        self._topic = topic.name
        self._open = ExitStack()
        registry = self._open.enter_context(SchemaRegistryClient({"url": stack["SCHEMA_REGISTRY_URL"]}))
        self._deserialize = AvroDeserializer(registry)
        self._consumer = Consumer(
            {
                "bootstrap.servers": stack["KAFKA_BOOTSTRAP_SERVERS"],
                "group.id": f"tail-{uuid.uuid4()}",
                "enable.auto.commit": False,
            }
        )
        self._partitions = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        for partition in self._partitions:
            partition.offset = self._end(partition)
        self._consumer.assign(self._partitions)
        self._read: list[tuple[bytes, dict[str, Any]]] = []

    def records(self) -> list[tuple[bytes, dict[str, Any]]]:
        """Return the keys and records written since the beginning of the test."""
        self._read += self.fresh()
        return list(self._read)

    def fresh(self) -> Iterator[tuple[bytes, dict[str, Any]]]:
        """Yield the keys and records written since the last reading."""
        ends = {partition.partition: self._end(partition) for partition in self._partitions}
        positions = {partition.partition: partition.offset for partition in self._partitions}
        while any(positions[number] < end for number, end in ends.items()):
            message = self._consumer.poll(10)
            assert message is not None
            assert message.error() is None
            number, offset, value = message.partition(), message.offset(), message.value()
            assert number is not None
            assert offset is not None
            assert value is not None
            # The wire format: a zero byte, then the schema's id.
            assert value[0] == 0
            positions[number] = offset + 1
            yield message.key() or b"", self._deserialize(value, SerializationContext(self._topic, MessageField.VALUE))
        for partition in self._partitions:
            partition.offset = positions[partition.partition]

    def of(self, body: bytes) -> list[tuple[bytes, dict[str, Any]]]:
        """Return those whose payload is a body."""
        return [(key, record) for key, record in self.records() if record["payload"] == body]

    @stamina.retry(on=_is_unknown_yet, attempts=None, timeout=20)
    def _end(self, partition: TopicPartition) -> int:
        return self._consumer.get_watermark_offsets(partition, timeout=10)[1]

    def close(self) -> None:
        self._consumer.close()
        self._open.close()
