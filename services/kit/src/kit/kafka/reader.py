"""Reads whole topics from positions that the caller keeps, without being a member of a group."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

import confluent_kafka
import structlog
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from kit.connection import Kafka, kafka_options
from kit.errors import Transient
from kit.kafka.consumer import Message, Partition, _checked
from kit.kafka.errorlog import QUIET, ErrorLog

_ANSWER_SECONDS = 10.0
# How long a broker may hold back what it has, so that few requests bring much. It bounds the delay of a lone record.
_FETCH_WAIT_MS = 5_000
_FETCH_BYTES = 65_536
_QUEUED_KIB = 8_192
_OUT_OF_RANGE = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE})  # noqa: SLF001  # its public constants begin so
_END = KafkaError._PARTITION_EOF  # noqa: SLF001  # as above
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Gap:
    """Offsets of a partition that were to be read and are not there, from `first` up to and without `end`.

    `is_reset` tells of a partition that is shorter than what was read of it: its topic was made anew, or the brokers
    have lost records that they had acknowledged. Then all of the partition is read again, and `first` is its old end.
    """

    partition: Partition
    first: int
    end: int
    is_reset: bool = False

    def __str__(self) -> str:
        """Say it in words."""
        where = f"{self.partition.topic}[{self.partition.number}]"
        if self.is_reset:
            return f"{where} was read up to offset {self.first} and ends at {self.end}: it is read from its beginning"
        lost = f"{where} has lost offsets {self.first} to {self.end - 1}"
        return f"{lost}: the topic's retention took them before they were read"


class Reader:
    """Reads every partition of some topics, each from where the caller says. It blocks: use it from one thread.

    Topics that are not there are left out, and looked for again by each `find`, as are partitions that topics gained.

    Args:
        kafka: Where the brokers are, and how to come in.
        topics: What to read.
        group_id: Group under which `report` stores offsets, for whoever looks at lags.
        client_id: Name under which the brokers log this program.
        isolation: `read_committed` sees only records of transactions that were committed.
        on_gap: Told of each gap, before what comes after it is read.
    """

    def __init__(
        self,
        kafka: Kafka,
        topics: Iterable[str],
        *,
        group_id: str,
        client_id: str,
        isolation: Literal["read_committed", "read_uncommitted"] = "read_committed",
        on_gap: Callable[[Gap], None] = lambda _gap: None,
    ) -> None:
        self._topics = frozenset(topics)
        self._on_gap = on_gap
        self._next: dict[Partition, int] = {}
        self._lost: set[Partition] = set()
        self._errors = ErrorLog(client_id)
        self._consumer = confluent_kafka.Consumer(
            {
                **kafka_options(kafka),
                "group.id": group_id,
                "client.id": client_id,
                "isolation.level": isolation,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                # What retention has taken is never passed over in silence.
                "auto.offset.reset": "error",
                # Tells of offsets behind the last record, which are markers of transactions.
                "enable.partition.eof": True,
                "fetch.wait.max.ms": _FETCH_WAIT_MS,
                "fetch.min.bytes": _FETCH_BYTES,
                "queued.max.messages.kbytes": _QUEUED_KIB,
                "error_cb": self._errors.note,
                "logger": logging.getLogger("kafka"),
                **QUIET,
            }
        )

    def find(self, positions: Mapping[Partition, int]) -> list[Partition]:
        """Begin to read the partitions that are new here, and return them.

        Each is read from its position; one without a position from its beginning, and then nothing counts as lost.

        Raises:
            Transient: The brokers do not answer.
        """
        try:
            known = self._consumer.list_topics(timeout=_ANSWER_SECONDS).topics
        except KafkaException as error:
            raise Transient(f"Kafka does not answer: {self._errors.explain(error.args[0])}") from error
        found = [
            Partition(name, number)
            for name in sorted(self._topics & known.keys())
            if known[name].error is None
            for number in sorted(known[name].partitions)
        ]
        new = [each for each in found if each not in self._next]
        # This may raise, and then all of them have to be new still: what counts as read must have been assigned.
        ends = {each: self._ends(each) for each in new}
        begin = {
            each: low if (wanted := positions.get(each)) is None else self._reachable(each, wanted, low, high)
            for each, (low, high) in ends.items()
        }
        if begin:
            self._consumer.incremental_assign([TopicPartition(*each, offset) for each, offset in begin.items()])
        self._next |= begin
        return new

    def poll(self, limit: int, timeout_seconds: float) -> list[Message]:
        """Return up to `limit` messages: those that are there, or that come before the timeout.

        Raises:
            Transient: The brokers do not answer.
            Fault: The consumer is beyond repair.
        """
        self._mend()
        first = self._consumer.poll(timeout_seconds)
        if first is None:
            return []
        batch = [first, *(self._consumer.consume(limit - 1, timeout=0) if limit > 1 else [])]
        messages: list[Message] = []
        for each in batch:
            error = each.error()
            if error is not None and error.code() in _OUT_OF_RANGE:
                self._lost.add(Partition(str(each.topic()), int(each.partition() or 0)))
                continue
            if error is not None and error.code() == _END:
                self._next[Partition(str(each.topic()), int(each.partition() or 0))] = int(each.offset() or 0)
                continue
            if error is not None and not error.fatal():
                # The library tries again by itself, and loses no message over it.
                _log.warning("kafka_error", code=error.name(), detail=error.str())
                continue
            message = _checked(each)
            self._next[Partition(message.topic, message.partition)] = message.offset + 1
            messages.append(message)
        return messages

    def next_offsets(self) -> dict[Partition, int]:
        """Return, for each partition that is read, the offset after the last message that `poll` has given out.

        At the end of a partition that is the end itself, behind the markers of transactions. So retention that takes
        a marker nobody waits for leaves no gap.
        """
        return dict(self._next)

    def lags(self) -> dict[str, int]:
        """Return by topic how many records lie behind what was given out, as last heard from the brokers."""
        lags = dict.fromkeys({each.topic for each in self._next}, 0)
        for each, at in self._next.items():
            _low, high = self._consumer.get_watermark_offsets(TopicPartition(*each), cached=True)
            lags[each.topic] += max(0, high - at)
        return lags

    def report(self, offsets: Mapping[Partition, int]) -> None:
        """Store offsets under the group; that they could not be stored is logged and hurts nobody."""
        if not offsets:
            return
        try:
            self._consumer.commit(
                offsets=[TopicPartition(*at, offset) for at, offset in offsets.items()], asynchronous=False
            )
        except KafkaException as error:
            _log.warning("group_offsets_not_stored", error=error.args[0].str())

    def check(self) -> str | None:
        """Tell for /readyz whether the brokers answer: None, or what is wrong. Blocks for up to two seconds."""
        try:
            self._consumer.list_topics(timeout=2.0)
        except KafkaException as error:
            return f"Kafka does not answer: {self._errors.explain(error.args[0])}"
        return None

    def close(self) -> None:
        """Give the connections up."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _mend(self) -> None:
        """Go on behind what was lost under the reader."""
        for each in sorted(self._lost):
            low, high = self._ends(each)
            wanted = self._next[each]
            self._next[each] = self._reachable(each, wanted, low, high)
            self._consumer.incremental_unassign([TopicPartition(*each)])
            self._consumer.incremental_assign([TopicPartition(*each, self._next[each])])
            self._lost.discard(each)

    def _reachable(self, partition: Partition, wanted: int, low: int, high: int) -> int:
        if wanted < low:
            self._on_gap(Gap(partition, wanted, low))
            return low
        if wanted > high:
            self._on_gap(Gap(partition, wanted, high, is_reset=True))
            return low
        return wanted

    def _ends(self, partition: Partition) -> tuple[int, int]:
        try:
            ends = self._consumer.get_watermark_offsets(TopicPartition(*partition), timeout=_ANSWER_SECONDS)
        except KafkaException as error:
            raise Transient(f"Kafka does not answer: {self._errors.explain(error.args[0])}") from error
        if ends is None:
            raise Transient(f"Kafka does not tell the ends of {partition.topic}[{partition.number}]")
        return int(ends[0]), int(ends[1])
