"""Reads the records of a topic from a moment on, without joining a consumer group."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from operations.errors import DeploymentError, UnavailableError

_TIMEOUT_SECONDS = 10.0
_BATCH = 500

Decode = Callable[[bytes], dict[str, Any]]


class TopicReader:
    """Reads what a topic holds since a moment, again and again, each record once.

    Only committed records of transactions are seen. `decode` turns a message's value into a record.
    """

    def __init__(self, bootstrap_servers: str, topic: str, since: datetime, decode: Decode) -> None:
        """Look up where `since` lies in each partition.

        Raises:
            UnavailableError: Kafka does not answer.
            DeploymentError: The topic does not exist.
        """
        self._topic = topic
        self._decode = decode
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "payments-operations",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "log_level": 2,
            }
        )
        self._positions = self._locate(since)

    def read_new(self) -> Iterator[dict[str, Any]]:
        """Yield every record between the last read and the end of the topic as it is now.

        Raises:
            UnavailableError: Kafka stops answering.
        """
        self._consumer.assign(
            [TopicPartition(self._topic, number, offset) for number, offset in self._positions.items()]
        )
        unfinished = set(self._positions)
        while unfinished:
            # `consume` alone would wait for a full batch or the whole timeout.
            first = self._consumer.poll(_TIMEOUT_SECONDS)
            if first is None:
                raise UnavailableError(f"{self._topic}: Kafka sent nothing for {_TIMEOUT_SECONDS:.0f} s.")
            for message in (first, *self._consumer.consume(_BATCH, timeout=0)):
                error = message.error()
                partition, offset, value = message.partition(), message.offset(), message.value()
                if error is None and value is not None and partition is not None and offset is not None:
                    self._positions[partition] = offset + 1
                    yield self._decode(value)
                elif error is not None and error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  # its own constant
                    unfinished -= {partition}
                else:
                    raise UnavailableError(f"{self._topic}: {error.str() if error else 'a record without a value'}")

    def close(self) -> None:
        """Let go of the connections."""
        self._consumer.close()

    def _locate(self, since: datetime) -> dict[int, int]:
        try:
            metadata = self._consumer.list_topics(self._topic, timeout=_TIMEOUT_SECONDS).topics[self._topic]
            if metadata.error is not None:
                raise DeploymentError(f"{self._topic} does not exist. Create it with `make topics`.")
            milliseconds = int(since.timestamp() * 1000)
            wanted = [TopicPartition(self._topic, number, milliseconds) for number in metadata.partitions]
            located = self._consumer.offsets_for_times(wanted, timeout=_TIMEOUT_SECONDS)
            return {place.partition: self._start(place) for place in located}
        except KafkaException as error:
            raise UnavailableError(
                f"Kafka does not answer: {error.args[0].str()}. Is it up? See `make status`."
            ) from error

    def _start(self, place: TopicPartition) -> int:
        if place.offset >= 0:
            return int(place.offset)
        # Nothing since then: the end as it is now, as a number, so that later records are not skipped.
        _, end = self._consumer.get_watermark_offsets(place, timeout=_TIMEOUT_SECONDS)
        return int(end)
