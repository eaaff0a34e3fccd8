"""A polling consumer whose offsets are committed by hand, once the work that a message caused is durable."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from kit.connection import Kafka, kafka_options
from kit.errors import Fault, Transient
from kit.kafka.errorlog import QUIET, ErrorLog, with_remedy
from kit.kafka.producer import MESSAGE_BYTES


class Partition(NamedTuple):
    """One partition of a topic."""

    topic: str
    number: int


Headers = Mapping[str, bytes]
"""Headers of a record by name; of one that is there twice, the last."""


@dataclass(frozen=True, slots=True)
class Message:
    """A record with its place. `timestamp` is in milliseconds since 1970."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = field(default_factory=dict)


def headers_of(message: confluent_kafka.Message) -> Headers:
    """Return the headers of the library's message; those without a value are left out."""
    headers = message.headers() or ()
    found = headers.items() if isinstance(headers, dict) else headers
    return {name: value for name, value in found if isinstance(value, bytes)}


Partitions = Callable[[Sequence[Partition]], None]

_LOST_BY_REBALANCE = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError._ASSIGNMENT_LOST,  # noqa: SLF001  # the library's public constants begin so
        KafkaError._NO_OFFSET,  # noqa: SLF001  # as above
    }
)

_FORBIDDEN = frozenset({KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED})

# What is fetched of a partition at once, unless a record may be larger.
_FETCH_BYTES = 1_048_576

# How long the partitions of a member that was killed wait for another: the default of 45 s was most of an outage. The
# library beats from a thread of its own, so that only a process that stands still for so long loses its membership.
_SESSION_MS = 10_000


class Consumer:
    """Reads topics as a member of a group. It blocks: use it from one thread, or through `asyncio.to_thread`.

    Args:
        kafka: Where the brokers are, and how to come in.
        group_id: The consumer group.
        topics: What to read; from the beginning where the group has no offset.
        client_id: Name under which the brokers log this program.
        isolation: `read_committed` sees only records of transactions that were committed.
        max_message_bytes: Largest record of the topics: so much of a partition is fetched at once.
        on_assigned: Called from `poll` with the partitions that came.
        on_revoked: Called from `poll` or `close` with the partitions that go; offsets may still be committed in it.
    """

    def __init__(
        self,
        kafka: Kafka,
        group_id: str,
        topics: Sequence[str],
        *,
        client_id: str,
        isolation: Literal["read_committed", "read_uncommitted"] = "read_committed",
        max_message_bytes: int = MESSAGE_BYTES,
        on_assigned: Partitions = lambda _partitions: None,
        on_revoked: Partitions = lambda _partitions: None,
    ) -> None:
        self._errors = ErrorLog(client_id)
        self._consumer = confluent_kafka.Consumer(
            {
                **kafka_options(kafka),
                "group.id": group_id,
                "client.id": client_id,
                "isolation.level": isolation,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",
                "fetch.message.max.bytes": max(_FETCH_BYTES, max_message_bytes),
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": _SESSION_MS,
                "error_cb": self._errors.note,
                "logger": logging.getLogger("kafka"),
                **QUIET,
            }
        )
        self._failure: Transient | Fault | None = None
        self._consumer.subscribe(
            list(topics),
            on_assign=_telling(on_assigned),
            on_revoke=_telling(on_revoked),
            on_lost=_telling(on_revoked),
        )

    def poll(self, limit: int, timeout_seconds: float) -> list[Message]:
        """Return up to `limit` messages, as soon as there are any, or none after the timeout.

        Raises:
            Transient: The brokers do not answer.
            Fault: The topic does not exist, or the consumer is beyond repair.
        """
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        first = self._consumer.poll(timeout_seconds)
        if first is None:
            return []
        rest = self._consumer.consume(limit - 1, timeout=0) if limit > 1 else []
        return self._checked((first, *rest))

    def _checked(self, batch: Sequence[confluent_kafka.Message]) -> list[Message]:
        messages: list[Message] = []
        failure: Transient | Fault | None = None
        for message in batch:
            try:
                messages.append(_checked(message))
            except (Transient, Fault) as error:
                failure = error
        if failure is not None and not messages:
            raise failure
        # The position is past these messages already: they are given out first, the failure at the next poll.
        self._failure = failure
        return messages

    def commit(self, next_offsets: Mapping[Partition, int]) -> bool:
        """Store durably, for each partition, the offset of the next message to read (the last one done, plus one).

        Return False if the group is being rebalanced: nothing was stored then. Commit again what is still assigned;
        whoever has the other partitions reads their messages again.

        Raises:
            Transient: The brokers do not answer.
        """
        if not next_offsets:
            return True
        offsets = [TopicPartition(at.topic, at.number, offset) for at, offset in next_offsets.items()]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            reason: KafkaError = error.args[0]
            if reason.code() not in _LOST_BY_REBALANCE:
                raise _family(reason, self._errors.explain(reason)) from error
            return False
        return True

    def pause(self, partitions: Sequence[Partition]) -> None:
        """Let `poll` give nothing of some partitions, while the membership stays alive."""
        self._consumer.pause([TopicPartition(at.topic, at.number) for at in partitions])

    def resume(self, partitions: Sequence[Partition]) -> None:
        """Undo `pause`."""
        self._consumer.resume([TopicPartition(at.topic, at.number) for at in partitions])

    def assignment(self) -> list[Partition]:
        """Return the partitions that this member reads now."""
        return [Partition(at.topic, at.partition) for at in self._consumer.assignment()]

    def lag(self) -> dict[Partition, int]:
        """Return how many messages each assigned partition still holds, as last heard from the brokers."""
        positions = self._consumer.position(self._consumer.assignment())
        lags: dict[Partition, int] = {}
        for at in positions:
            _low, high = self._consumer.get_watermark_offsets(at, cached=True)
            if at.offset >= 0 and high >= 0:
                lags[Partition(at.topic, at.partition)] = max(0, high - at.offset)
        return lags

    def check(self) -> str | None:
        """Tell for /readyz whether the brokers answer: None, or what is wrong. Blocks for up to two seconds."""
        try:
            self._consumer.list_topics(timeout=2.0)
        except KafkaException as error:
            return f"Kafka does not answer: {self._errors.explain(error.args[0])}"
        return None

    def close(self) -> None:
        """Leave the group, so that others take over at once."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _telling(listener: Partitions) -> Callable[[Any, list[TopicPartition]], None]:
    def tell(_consumer: Any, partitions: list[TopicPartition]) -> None:
        listener([Partition(at.topic, at.partition) for at in partitions])

    return tell


def _checked(message: confluent_kafka.Message) -> Message:
    if (error := message.error()) is not None:
        raise _family(error, with_remedy(error))
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    if topic is None or partition is None or offset is None:
        raise Fault("librdkafka gave a message without a place.")
    return Message(
        topic, partition, offset, message.timestamp()[1], message.key(), message.value(), headers_of(message)
    )


def _family(error: KafkaError, said: str) -> Transient | Fault:
    if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        return Fault(f"{error.str()} Run `payments topics apply`.")
    if error.fatal():
        return Fault(f"The Kafka consumer is beyond repair and has to be restarted: {error.str()}")
    if error.code() in _FORBIDDEN:
        return Fault(f"Kafka refuses this program: {said}")
    return Transient(f"Kafka: {said}")
