"""Counts each event where it has to be, once everything is over."""

from __future__ import annotations

import uuid
from collections import Counter
from typing import TYPE_CHECKING

import confluent_kafka
import psycopg
from confluent_kafka import KafkaError, TopicPartition
from kit.kafka import AvroDecoder, RegistryClient
from payments_contracts.schemas import schema
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS
from temporalio.client import Client, WorkflowExecutionStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from payments_contracts.topics import Topic
    from pyiceberg.catalog import Catalog

_TIMEOUT_SECONDS = 30.0


class TopicCensus:
    """Counts the events that committed transactions have written to a topic from the census' beginning on."""

    def __init__(self, bootstrap_servers: str, topic: Topic) -> None:
        self._topic = topic
        self._bootstrap_servers = bootstrap_servers
        consumer = self._consumer()
        try:
            self._starts = [
                TopicPartition(topic.name, number, self._end(consumer, number)) for number in range(topic.partitions)
            ]
        finally:
            consumer.close()

    def count(self, registry: RegistryClient) -> Counter[str]:
        """Read from the beginning of the census to the end of the topic."""
        decoder = AvroDecoder(registry, schema(self._topic.record, self._topic.version))
        found: Counter[str] = Counter()
        consumer = self._consumer()
        try:
            consumer.assign(self._starts)
            unfinished = {place.partition for place in self._starts}
            while unfinished:
                message = consumer.poll(_TIMEOUT_SECONDS)
                if message is None:
                    raise TimeoutError(f"{self._topic.name}: Kafka sent nothing for {_TIMEOUT_SECONDS:g} s.")
                error, value = message.error(), message.value()
                if error is not None:
                    if error.code() != KafkaError._PARTITION_EOF:
                        raise confluent_kafka.KafkaException(error)
                    unfinished.discard(message.partition() or 0)
                elif value is not None:
                    found[str(decoder.decode(value)["event_id"])] += 1
        finally:
            consumer.close()
        return found

    def _consumer(self) -> confluent_kafka.Consumer:
        return confluent_kafka.Consumer(
            {
                "bootstrap.servers": self._bootstrap_servers,
                "group.id": f"faults-{uuid.uuid4()}",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "log_level": 2,
            }
        )

    def _end(self, consumer: confluent_kafka.Consumer, number: int) -> int:
        return consumer.get_watermark_offsets(TopicPartition(self._topic.name, number), timeout=_TIMEOUT_SECONDS)[1]


def count_bronze(catalog: Catalog) -> Counter[str]:
    """Count the rows of Bronze by event."""
    table = catalog.load_table(BRONZE_PAYMENT_EVENTS.identifier)
    found = table.scan(selected_fields=("event_id",)).to_arrow()
    return Counter(str(value) for value in found.column("event_id").to_pylist())


def count_database(dsn: str) -> Counter[str]:
    """Count the rows of the operational database by event; none where it has no table yet."""
    with psycopg.connect(dsn) as connection:
        try:
            return Counter(str(row[0]) for row in connection.execute("SELECT event_id FROM payment_events"))
        except psycopg.errors.UndefinedTable:
            return Counter()


async def list_workflows(address: str, namespace: str) -> Mapping[str, list[WorkflowExecutionStatus]]:
    """Return the state of every run of each workflow, by its id."""
    client = await Client.connect(address, namespace=namespace)
    found: dict[str, list[WorkflowExecutionStatus]] = {}
    async for workflow in client.list_workflows():
        if workflow.status is not None:
            found.setdefault(workflow.id, []).append(workflow.status)
    return found
