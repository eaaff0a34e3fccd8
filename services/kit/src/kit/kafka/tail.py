"""Notices at once that something is appended to topics, without being a member of a group."""

import logging

import confluent_kafka
from confluent_kafka import OFFSET_END, KafkaError, KafkaException, TopicPartition

from kit.connection import Kafka, kafka_options
from kit.errors import Fault, Transient
from kit.kafka.errorlog import QUIET, ErrorLog

_BATCH = 1000
_ANSWER_S = 5.0


class Tail:
    """The end of some topics, from the first `wait` on. It blocks: use it from one thread.

    Records of open transactions count: they are there, though readers of committed records do not see them yet.
    Partitions that a topic gets later are not watched.

    Args:
        kafka: Where the brokers are, and how to come in.
        topics: What to watch.
        client_id: Name under which the brokers log this program.
        header: Count only records that have this header: its name and value.
    """

    def __init__(
        self,
        kafka: Kafka,
        topics: tuple[str, ...],
        *,
        client_id: str,
        header: tuple[str, bytes] | None = None,
    ) -> None:
        self._topics = topics
        self._header = header
        self._watching = False
        self._errors = ErrorLog(client_id)
        self._consumer = confluent_kafka.Consumer(
            {
                **kafka_options(kafka),
                # The library asks for one; nothing is ever stored under it.
                "group.id": client_id,
                "client.id": client_id,
                "isolation.level": "read_uncommitted",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "latest",
                "error_cb": self._errors.note,
                "logger": logging.getLogger("kafka"),
                **QUIET,
            }
        )

    def wait(self, timeout_seconds: float) -> int:
        """Return how many records have come, as soon as there are any, or 0 after the timeout.

        Where others write, too, it may return 0 before, for records without the header.

        Raises:
            Transient: The brokers do not answer, or not for a topic yet.
            Fault: A topic does not exist.
        """
        try:
            if not self._watching:
                self._consumer.assign(self._ends())
                self._watching = True
            first = self._consumer.poll(timeout_seconds)
            if first is None:
                return 0
            batch = [first, *self._consumer.consume(_BATCH, timeout=0)]
        except KafkaException as error:
            raise Transient(f"Kafka does not answer: {self._errors.explain(error.args[0])}") from error
        return sum(message.error() is None and self._counts(message) for message in batch)

    def close(self) -> None:
        """Give the connections up."""
        self._consumer.close()

    def _counts(self, message: confluent_kafka.Message) -> bool:
        return self._header is None or self._header in (message.headers() or ())

    def _ends(self) -> list[TopicPartition]:
        try:
            topics = self._consumer.list_topics(timeout=_ANSWER_S).topics
        except KafkaException as error:
            raise Transient(f"Kafka does not answer: {self._errors.explain(error.args[0])}") from error
        for name in self._topics:
            problem = topics[name].error if name in topics else KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
            if problem is not None and problem.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise Fault(f"There is no topic {name}. Run `payments topics apply`.")
            if problem is not None:
                # So it is for a moment after the brokers have started, or while a partition elects its leader.
                raise Transient(f"{name} cannot be read yet: {problem.str()}")
        return [TopicPartition(name, number, OFFSET_END) for name in self._topics for number in topics[name].partitions]
