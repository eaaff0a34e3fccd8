"""Reads topics from one offset to another, without joining a consumer group; only committed records are seen."""

from collections.abc import Iterator, Mapping
from datetime import datetime

import stamina
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from kit.connection import Kafka, kafka_options
from kit.kafka import Message, headers_of
from kit.kafka.errorlog import ErrorLog

from operations.errors import DeploymentError, UnavailableError

TIMEOUT_SECONDS = 10.0
_BATCH = 500

# The broker that was asked no longer leads the partition, or does not know yet that it does: of a new topic, and after
# a broker's restart.
_ELECTING = frozenset({KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE})

Offsets = Mapping[int, int]
"""An offset for each partition."""


def _elects_leader(error: Exception) -> bool:
    return isinstance(error, KafkaException) and error.args[0].code() in _ELECTING


class Stretches:
    """The topics of one Kafka cluster.

    Args:
        kafka: Where Kafka is, and how to come in.
        passes_gaps: Whether what is deleted while it is about to be read is passed over; else it is an error.
        timeout_seconds: How long each answer may take.
    """

    def __init__(self, kafka: Kafka, *, passes_gaps: bool, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._timeout_seconds = timeout_seconds
        self._errors = ErrorLog("payments-operations")
        self._consumer = Consumer(
            {
                **kafka_options(kafka),
                "group.id": "payments-operations",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest" if passes_gaps else "error",
                # How long the broker keeps it waiting for the end of a partition to be told.
                "fetch.wait.max.ms": 20,
                # What is read ahead; records may have a megabyte each. Where it is full the next look comes soon, and
                # not after a second. Many stretches are short: what comes of a partition at once is unpacked whole.
                "queued.max.messages.kbytes": 16 * 1024,
                "fetch.queue.backoff.ms": 10,
                "fetch.message.max.bytes": 64 * 1024,
                "log_level": 2,
                "error_cb": self._errors.note,
            }
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._consumer.close()

    def bounds(self, topic: str) -> Mapping[int, tuple[int, int]]:
        """Return the first offset and the one after the last of each partition.

        Raises:
            UnavailableError: Kafka does not answer.
            DeploymentError: There is no such topic.
        """
        try:
            return {place.partition: self._watermarks(place) for place in self.partitions(topic)}
        except KafkaException as error:
            raise self.away(error) from error

    def locate(self, topic: str, moment: datetime) -> Offsets:
        """Return the first offset at or after a moment by Kafka's time; the end where there is none yet.

        Raises:
            UnavailableError: Kafka does not answer.
            DeploymentError: There is no such topic.
        """
        milliseconds = int(moment.timestamp() * 1000)
        # Before the question: what comes in between is behind the moment, and must not be left out.
        ends = self.bounds(topic)
        try:
            wanted = [TopicPartition(topic, number, milliseconds) for number in ends]
            found = self._consumer.offsets_for_times(wanted, timeout=self._timeout_seconds)
        except KafkaException as error:
            raise self.away(error) from error
        return {place.partition: place.offset if place.offset >= 0 else ends[place.partition][1] for place in found}

    def read(self, topic: str, starts: Offsets, ends: Offsets) -> Iterator[Message]:
        """Yield each record from `starts` on and before `ends`; partitions without an end are not read.

        Raises:
            UnavailableError: Kafka stops answering, or what is to be read is being deleted.
        """
        left = {number for number, start in starts.items() if start < ends.get(number, 0)}
        if not left:
            return
        self._consumer.assign([TopicPartition(topic, number, starts[number]) for number in sorted(left)])
        try:
            while left:
                # `consume` alone would wait for a full batch or the whole timeout.
                first = self._consumer.poll(self._timeout_seconds)
                if first is None:
                    raise UnavailableError(f"{topic}: Kafka sent nothing for {self._timeout_seconds:.0f} s.")
                for message in (first, *self._consumer.consume(_BATCH, timeout=0)):
                    error, partition, offset = message.error(), message.partition() or 0, message.offset() or 0
                    if error is not None:
                        if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  # its own constant
                            raise UnavailableError(f"{topic}: {error.str()}")
                        left.discard(partition)
                    elif partition in left:
                        if offset >= ends[partition] - 1:
                            left.discard(partition)
                        if offset < ends[partition]:
                            time = message.timestamp()[1]
                            found = (message.key(), message.value(), headers_of(message))
                            yield Message(topic, partition, offset, time, *found)
        finally:
            self._consumer.unassign()

    @stamina.retry(on=_elects_leader, timeout=TIMEOUT_SECONDS)
    def _watermarks(self, place: TopicPartition) -> tuple[int, int]:
        return self._consumer.get_watermark_offsets(place, timeout=self._timeout_seconds)

    def partitions(self, topic: str) -> list[TopicPartition]:
        """Return the partitions of a topic.

        Raises:
            UnavailableError: Kafka does not answer.
            DeploymentError: There is no such topic.
        """
        try:
            metadata = self._consumer.list_topics(topic, timeout=self._timeout_seconds).topics[topic]
        except KafkaException as error:
            raise self.away(error) from error
        if metadata.error is not None:
            if metadata.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise DeploymentError(f"{topic} does not exist. Create it with `make topics`.")
            raise UnavailableError(f"{topic} cannot be read yet: {metadata.error.str()}")
        return [TopicPartition(topic, number) for number in sorted(metadata.partitions)]

    def away(self, error: KafkaException) -> UnavailableError:
        """Return what to say when Kafka does not answer, or does not let this client in."""
        said = self._errors.explain(error.args[0], self._consumer)
        return UnavailableError(f"Kafka does not answer: {said.rstrip('.')}. Is it up? See `make status`.")
