"""Reads topics from one moment to another, and at given places, without joining a consumer group."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from kit.kafka import Message

from operations.errors import DeploymentError, UnavailableError
from operations.recovery.events import Position

_TIMEOUT_SECONDS = 10.0
_BATCH = 500
# Beyond so many records it is cheaper to go to the next place than to read up to it.
_READ_ON = 2_000


class Scanner:
    """Reads what topics hold; only committed records of transactions are seen."""

    def __init__(self, bootstrap_servers: str) -> None:
        """Connect lazily."""
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "payments-operations",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                # How long the broker keeps it waiting for the end of a partition to be told.
                "fetch.wait.max.ms": 20,
                # What is read ahead; records may have a megabyte each, and nobody waits for the fastest of readers.
                "queued.max.messages.kbytes": 16 * 1024,
                "log_level": 2,
            }
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._consumer.close()

    def scan(self, topic: str, since: datetime | None = None, until: datetime | None = None) -> Iterator[Message]:
        """Yield the records that were written since one moment and before another; None for no bound.

        What comes while it reads is left for another time.

        Raises:
            UnavailableError: Kafka does not answer.
            DeploymentError: The topic does not exist.
        """
        starts, ends = self._ends(topic)
        if since is not None:
            starts = self._located(topic, since, ends)
        if until is not None:
            ends = self._located(topic, until, ends)
        yield from self._read(topic, starts, ends)

    def tail(self, topic: str, positions: Mapping[int, int]) -> Iterator[Message]:
        """Yield the records from some offsets on, by partition, to the end as it is now."""
        _, ends = self._ends(topic)
        yield from self._read(topic, positions, ends)

    def ends(self, topic: str) -> dict[int, int]:
        """Return the offset behind the last record of each partition."""
        return self._ends(topic)[1]

    def at(self, places: Collection[Position]) -> Iterator[Message]:
        """Yield the records at some places, as far as their topics still hold them."""
        wanted: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        for place in places:
            wanted[place.topic, place.partition].append(place.offset)
        for (topic, partition), offsets in sorted(wanted.items()):
            starts, ends = self._ends(topic)
            held = sorted(each for each in set(offsets) if starts.get(partition, 0) <= each < ends.get(partition, 0))
            for group in _near(held):
                for message in self._read(topic, {partition: group[0]}, {partition: group[-1] + 1}):
                    if message.offset in group:
                        yield message

    def held_since(self, topic: str) -> datetime:
        """Return from when on a topic holds all that was written to it or to one of its name before it.

        That it begins at its first offsets proves nothing: so does a topic that was made anew. But that it was there
        when its first record was written. Where it has no record it may have lost all until now.
        """
        starts, ends = self._ends(topic)
        now = datetime.now(UTC)
        firsts = {
            partition: _moment(first)
            for partition, start in sorted(starts.items())
            if (first := next(self._read(topic, {partition: start}, {partition: ends[partition]}), None)) is not None
        }
        # Of an empty partition that had records nothing is known but that all of it is gone: retention may have been
        # shorter for a while, or a person has deleted them.
        shortened = [firsts.get(partition, now) for partition, start in starts.items() if start > 0]
        return max(shortened) if shortened else min(firsts.values(), default=now)

    def _read(self, topic: str, starts: Mapping[int, int], ends: Mapping[int, int]) -> Iterator[Message]:
        open_partitions = {number for number, start in starts.items() if start < ends.get(number, 0)}
        if not open_partitions:
            return
        self._consumer.assign([TopicPartition(topic, number, starts[number]) for number in sorted(open_partitions)])
        try:
            while open_partitions:
                # `consume` alone would wait for a full batch or the whole timeout.
                first = self._consumer.poll(_TIMEOUT_SECONDS)
                if first is None:
                    raise UnavailableError(f"{topic}: Kafka sent nothing for {_TIMEOUT_SECONDS:.0f} s.")
                for message in (first, *self._consumer.consume(_BATCH, timeout=0)):
                    error, partition, offset = message.error(), message.partition() or 0, message.offset() or 0
                    if error is not None:
                        if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  # its own constant
                            raise UnavailableError(f"{topic}: {error.str()}")
                        open_partitions -= {partition}
                        continue
                    if partition not in open_partitions:
                        continue
                    if offset >= ends[partition] - 1:
                        open_partitions -= {partition}
                    if offset < ends[partition]:
                        yield Message(topic, partition, offset, message.timestamp()[1], message.key(), message.value())
        finally:
            self._consumer.unassign()

    def _ends(self, topic: str) -> tuple[dict[int, int], dict[int, int]]:
        try:
            found = self._consumer.list_topics(topic, timeout=_TIMEOUT_SECONDS).topics[topic]
            if found.error is not None:
                raise DeploymentError(f"{topic} does not exist. Create it with `make topics`.")
            marks = {
                number: self._consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=_TIMEOUT_SECONDS)
                for number in found.partitions
            }
        except KafkaException as error:
            raise _away(error) from error
        return {number: low for number, (low, _) in marks.items()}, {
            number: high for number, (_, high) in marks.items()
        }

    def _located(self, topic: str, moment: datetime, ends: Mapping[int, int]) -> dict[int, int]:
        wanted = [TopicPartition(topic, number, int(moment.timestamp() * 1000)) for number in ends]
        try:
            located = self._consumer.offsets_for_times(wanted, timeout=_TIMEOUT_SECONDS)
        except KafkaException as error:
            raise _away(error) from error
        return {at.partition: at.offset if at.offset >= 0 else ends[at.partition] for at in located}


def _near(offsets: list[int]) -> Iterator[list[int]]:
    """Yield groups of offsets that are read in one go."""
    group: list[int] = []
    for offset in offsets:
        if group and offset - group[-1] > _READ_ON:
            yield group
            group = []
        group.append(offset)
    if group:
        yield group


def _moment(message: Message) -> datetime:
    return datetime.fromtimestamp(message.timestamp / 1000, UTC)


def _away(error: KafkaException) -> UnavailableError:
    return UnavailableError(f"Kafka does not answer: {error.args[0].str()}. Is it up? See `make status`.")
