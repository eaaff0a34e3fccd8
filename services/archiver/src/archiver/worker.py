"""Moves one stream into its table: read, decode, commit with the positions, again."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import structlog
from kit.clock import Clock
from kit.errors import Fault, Rejected, Transient
from kit.kafka import Message, Partition
from kit.kafka.reader import Gap
from kit.lake import ColumnMissing, Row, UnknownColumn
from kit.lake.positions import Positions
from kit.lake.write import Written
from kit.poison import PoisonLimit

from archiver import metrics
from archiver.batch import Batch, Policy
from archiver.rows import Place
from archiver.streams import Stream

_LOOK_SECONDS = 60.0
_POLL_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 5.0
_CLOSING_SECONDS = 15.0
_log = structlog.get_logger(__name__)


class Source(Protocol):
    """Topics that are read from positions; see `kit.kafka.reader.Reader`."""

    def find(self, positions: Mapping[Partition, int]) -> Sequence[Partition]:
        """Begin to read partitions that are new here."""

    def poll(self, limit: int, timeout_seconds: float) -> Sequence[Message]:
        """Return up to `limit` messages."""

    def next_offsets(self) -> Mapping[Partition, int]:
        """Return the offset after the last message of each partition, at its end the end itself."""

    def lags(self) -> Mapping[str, int]:
        """Return by topic how many records are not read yet."""

    def report(self, offsets: Mapping[Partition, int]) -> None:
        """Store offsets for whoever looks at lags."""


class Steps(Protocol):
    """Rows on their way into a table."""

    def step(self) -> Written:
        """Do what is left to do; Transient means: nothing is lost, step again."""


class Target(Protocol):
    """A table that a stream is written to; see `kit.lake.stream.StreamTarget`."""

    def positions(self) -> Positions:
        """Return up to where the table holds the stream."""

    def check(self, row: Row) -> None:
        """Raise Rejected if the row does not fit the table."""

    def refresh(self) -> None:
        """See the newest state."""

    def begin(self, rows: Sequence[Row], before: Positions, after: Positions) -> Steps:
        """Start to write rows in one commit."""


class Decoder(Protocol):
    """Reads the records of one topic."""

    def decode(self, value: bytes) -> Mapping[str, object]:
        """Return a record; raise Rejected if it cannot be read, Transient if nobody can tell now."""


class Archive:
    """One stream and its table. `run` blocks, in one thread; `trouble` may be asked in any.

    Args:
        stream: What goes where.
        source: The stream's topics.
        target: The stream's table.
        decoders: What reads each topic, by its name.
        policy: When what was read is committed.
        limit: How many records may be unreadable.
        clock: Tells the time, for lags alone.
        monotonic: Seconds of a clock that does not go back.
    """

    def __init__(
        self,
        stream: Stream,
        source: Source,
        target: Target,
        decoders: Mapping[str, Decoder],
        policy: Policy,
        *,
        limit: PoisonLimit,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._source = source
        self._target = target
        self._decoders = decoders
        self._topics = {each.name: each for each in stream.topics}
        self._batch = Batch(policy)
        self._limit = limit
        self._clock = clock
        self._monotonic = monotonic
        self._name = stream.table.identifier
        self._stored: Positions = {}
        self._next: dict[Partition, int] = {}
        self._undecided = 0
        self._pauses = 0
        self._trouble: str | None = "still starting"
        self._look_at = float("-inf")
        metrics.begin_at_zero(self._name, self._topics)

    def trouble(self) -> str | None:
        """Say why nothing is archived at present; None while all is well."""
        return self._trouble

    def run(self, stop: threading.Event) -> None:
        """Archive until `stop` is set, then commit what is held.

        Raises:
            Fault: Something is wrong that waiting does not mend, or so many records are unreadable that the fault is
                not theirs. What is held then is not committed, and read again after the next start.
            Transient: The lake did not take what was held at the end: it is read again after the next start.
        """
        self._stored = self._target.positions()
        while not stop.is_set():
            try:
                self._look()
                messages = self._source.poll(self._batch.room(), self._patience())
            except Transient as error:
                self._pause(error, stop)
                continue
            self._undecided = len(messages)
            if not all(self._take(message, stop) for message in messages):
                break
            # All that the source gave out is held: what it has read besides, as markers of transactions, is none's.
            self._next |= self._source.next_offsets()
            self._trouble = None
            self._measure()
            due = self._batch.due_in(self._monotonic())
            if due is not None and due <= 0:
                self._commit(stop)
        # What a stop has kept from being decoded is read again after the next start, since nothing here tells of it.
        if self._batch.rows:
            self._commit(stop)

    def _look(self) -> None:
        now = self._monotonic()
        if now < self._look_at:
            return
        new = self._source.find({_partition(name): offset for name, offset in self._stored.items()})
        self._look_at = now + _LOOK_SECONDS
        if new:
            reached = self._source.next_offsets()
            self._next |= {each: reached[each] for each in new}
            topics = sorted({each.topic for each in new})
            _log.info("archiving", table=self._name, topics=topics, partitions=len(new))

    def _patience(self) -> float:
        due = self._batch.due_in(self._monotonic())
        return _POLL_SECONDS if due is None else min(_POLL_SECONDS, max(0.0, due))

    def _take(self, message: Message, stop: threading.Event) -> bool:
        """Take a message on; False if the stop came first, and then none that follows may be taken either."""
        place = Place(self._topics[message.topic], message)
        self._undecided -= 1
        row = self._row(place, stop)
        if row is None:
            return False
        self._batch.add(row, len(message.value or b""), place.produced_at, self._monotonic())
        self._next[Partition(message.topic, message.partition)] = message.offset + 1
        return True

    def _row(self, place: Place, stop: threading.Event) -> Row | None:
        """Return the row of a record, for which registry or table may have to be waited for; None if the stop came."""
        while not stop.is_set():
            try:
                return self._read(place)
            except Transient as error:
                self._pause(error, stop)
        return None

    def _read(self, place: Place) -> Row:
        try:
            record = self._decoders[place.topic.name].decode(place.message.value or b"")
            row = self._stream.row(record, place)
            self._check(row)
        except Rejected as error:
            metrics.UNREADABLE.labels(place.topic.name, error.reason_code).inc()
            _log.error("record_unreadable", reason=error.detail, **_told(place))  # the detail says it all
            self._limit.refuse(str(place), error.reason_code, undecided=self._undecided)
            return self._stream.unreadable(error, place)
        self._limit.passed()
        return row

    def _check(self, row: Row) -> None:
        try:
            self._target.check(row)
        except UnknownColumn:
            self._target.refresh()
            try:
                self._target.check(row)
            except UnknownColumn as error:
                raise ColumnMissing(self._name, error.column) from error

    def _commit(self, stop: threading.Event) -> None:
        # A topic that is not found yet, as while its metadata has an error, keeps its positions.
        after = {**self._stored, **{_position(each): offset for each, offset in self._next.items()}}
        group = self._target.begin(self._batch.rows, self._stored, after)
        closing: float | None = None
        while True:
            try:
                group.step()
                break
            except Transient as error:
                metrics.RETRIES.labels(self._name).inc()
                if stop.is_set():
                    closing = closing or self._monotonic() + _CLOSING_SECONDS
                    if self._monotonic() >= closing:
                        raise
                self._pause(error, stop)
        self._trouble = None
        self._stored = after
        self._count()
        self._batch.clear()
        self._source.report(self._next)

    def _count(self) -> None:
        topics = Counter(str(row["kafka_topic"]) for row in self._batch.rows)
        for topic, count in topics.items():
            metrics.ROWS.labels(self._name, topic).inc(count)
        metrics.BYTES.labels(self._name).inc(self._batch.size)
        metrics.COMMITS.labels(self._name).inc()
        metrics.LAG_SECONDS.labels(self._name).observe(self._age())
        _log.info("committed", table=self._name, rows=len(self._batch.rows), bytes=self._batch.size)

    def _measure(self) -> None:
        for topic, lag in self._source.lags().items():
            metrics.CONSUMER_LAG.labels(topic).set(lag)
        metrics.WAITING_SECONDS.labels(self._name).set(self._age())

    def _age(self) -> float:
        oldest = self._batch.oldest
        return 0.0 if oldest is None else max(0.0, (self._clock() - oldest).total_seconds())

    def _pause(self, error: Transient, stop: threading.Event) -> None:
        """Wait before the next attempt, longer the longer it lasts; after a stop for a moment only."""
        if self._trouble != str(error):
            _log.warning("waiting", table=self._name, reason=str(error))
        self._pauses = 0 if self._trouble is None else self._pauses + 1
        self._trouble = str(error)
        metrics.WAITING_SECONDS.labels(self._name).set(self._age())
        pause = min(_LONGEST_PAUSE_SECONDS, 0.1 * 2 ** min(self._pauses, 6))
        if stop.is_set():
            time.sleep(0.1)
        else:
            stop.wait(pause)


def note_gap(gap: Gap) -> None:
    """Tell of records that are lost to the archive, as loudly as can be, and go on."""
    kind = "reset" if gap.is_reset else "retention"
    metrics.GAPS.labels(gap.partition.topic, kind).inc()
    if not gap.is_reset:
        metrics.LOST_OFFSETS.labels(gap.partition.topic).inc(gap.end - gap.first)
    _log.error(
        "archive_gap",
        topic=gap.partition.topic,
        partition=gap.partition.number,
        first=gap.first,
        end=gap.end,
        kind=kind,
        detail=str(gap),
    )


def _position(partition: Partition) -> str:
    return f"{partition.topic}/{partition.number}"


def _partition(name: str) -> Partition:
    topic, slash, number = name.rpartition("/")
    if not slash or not number.isdecimal():
        raise Fault(f"the table's positions name {name!r}, which is not a partition of a topic")
    return Partition(topic, int(number))


def _told(place: Place) -> dict[str, object]:
    return {"topic": place.message.topic, "partition": place.message.partition, "offset": place.message.offset}
