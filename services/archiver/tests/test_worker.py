"""A stream into its table, on fakes: what is committed, and what is not."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from archiver.batch import Policy
from archiver.streams import STREAMS
from archiver.worker import Archive, note_gap
from kit.errors import Fault, Rejected, Transient
from kit.kafka import Message, Partition
from kit.kafka.reader import Gap
from kit.lake import ColumnMissing, Row, UnknownColumn
from kit.lake.positions import Positions
from kit.lake.write import Written
from kit.poison import PoisonLimit, Tolerance
from payments_contracts.topics import raw_topic
from prometheus_client import REGISTRY

TOPIC = raw_topic("stripe").name
LATE = raw_topic("square").name
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
Act = Callable[[], None]


def message(offset: int, value: bytes = b"sound") -> Message:
    return Message(TOPIC, 0, offset, int(NOON.timestamp() * 1000), None, value)


class FakeSource:
    """Gives out batches one by one, then sets the stop."""

    def __init__(self, stop: threading.Event, *batches: Sequence[Message] | Act) -> None:
        self.stop = stop
        self.batches = list(batches)
        self.found: list[Mapping[Partition, int]] = []
        self.reported: list[Mapping[Partition, int]] = []
        self.next: dict[Partition, int] = {}

    def find(self, positions: Mapping[Partition, int]) -> Sequence[Partition]:
        self.found.append(dict(positions))
        if len(self.found) > 1:
            return []
        new = [Partition(TOPIC, 0), Partition(TOPIC, 1)]
        self.next = {each: positions.get(each, 0) for each in new}
        return new

    def poll(self, limit: int, timeout_seconds: float) -> Sequence[Message]:
        if not self.batches:
            self.stop.set()
            return []
        batch = self.batches.pop(0)
        if callable(batch):
            batch()
            return []
        self.next |= {Partition(each.topic, each.partition): each.offset + 1 for each in batch}
        return batch

    def next_offsets(self) -> Mapping[Partition, int]:
        return dict(self.next)

    def lags(self) -> Mapping[str, int]:
        return {TOPIC: 3}

    def report(self, offsets: Mapping[Partition, int]) -> None:
        self.reported.append(dict(offsets))


class FakeTarget:
    """A table in memory; `failures` are raised by the next steps."""

    def __init__(self, positions: Positions | None = None) -> None:
        self.commits: list[tuple[list[Row], Positions, Positions]] = []
        self.failures: list[Exception] = []
        self.missing: list[str] = []
        self.refreshed = 0
        self._positions = positions or {}

    def positions(self) -> Positions:
        return self._positions

    def check(self, row: Row) -> None:
        if self.missing:
            raise UnknownColumn(self.missing.pop())

    def refresh(self) -> None:
        self.refreshed += 1

    def begin(self, rows: Sequence[Row], before: Positions, after: Positions) -> "FakeSteps":
        return FakeSteps(self, list(rows), before, after)


class FakeSteps:
    def __init__(self, target: FakeTarget, rows: list[Row], before: Positions, after: Positions) -> None:
        self._target = target
        self._commit = (rows, before, after)

    def step(self) -> Written:
        if self._target.failures:
            raise self._target.failures.pop(0)
        self._target.commits.append(self._commit)
        return Written(frozenset(), {})


class FakeDecoder:
    def __init__(self, failures: Sequence[Exception] = (), *, at_failure: Act = lambda: None) -> None:
        self.failures = list(failures)
        self.at_failure = at_failure

    def decode(self, value: bytes) -> Mapping[str, Any]:
        if value == b"odd":
            raise Rejected("The message does not begin with a zero byte.", "wire_format")
        if self.failures:
            self.at_failure()
            raise self.failures.pop(0)
        return {"event_id": value.decode()}


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


def limit(tolerance: Tolerance | None = None) -> PoisonLimit:
    return PoisonLimit(tolerance or Tolerance(), "records of t", "Look at the registry.")


def archive(source: FakeSource, target: FakeTarget, decoder: FakeDecoder | None = None, *, rows: int = 2) -> Archive:
    decoders = {TOPIC: decoder or FakeDecoder()}
    policy = Policy(rows, 1_000, 600.0)
    return Archive(STREAMS[0], source, target, decoders, policy, limit=limit(), clock=lambda: NOON)


def test_the_unreadable_records_of_a_backlog_of_days_do_not_stop_it(stop: threading.Event) -> None:
    starts = range(0, 6_000, 200)
    batches = [[message(first, b"odd"), *map(message, range(first + 1, first + 200))] for first in starts]
    target = FakeTarget({f"{TOPIC}/0": 0})
    archive(FakeSource(stop, *batches), target, rows=200).run(stop)
    assert sum(len(rows) for rows, _, _ in target.commits) == 6_000


def test_a_full_batch_is_committed_with_the_offsets_after_it_and_the_rest_at_the_stop(stop: threading.Event) -> None:
    source = FakeSource(stop, [message(5), message(6)], [message(7)])
    target = FakeTarget({f"{TOPIC}/0": 5})
    archive(source, target).run(stop)
    assert source.found == [{Partition(TOPIC, 0): 5}]
    assert [(len(rows), before, after) for rows, before, after in target.commits] == [
        (2, {f"{TOPIC}/0": 5}, {f"{TOPIC}/0": 7, f"{TOPIC}/1": 0}),
        (1, {f"{TOPIC}/0": 7, f"{TOPIC}/1": 0}, {f"{TOPIC}/0": 8, f"{TOPIC}/1": 0}),
    ]
    assert source.reported[-1] == {Partition(TOPIC, 0): 8, Partition(TOPIC, 1): 0}


def test_a_topic_that_is_found_late_is_read_from_its_position(stop: threading.Event) -> None:
    minutes = iter(range(0, 60 * 99, 60))
    source, target = FakeSource(stop, [message(5)], [message(6)]), FakeTarget({f"{TOPIC}/0": 5, f"{LATE}/0": 700})
    decoders = {TOPIC: FakeDecoder()}
    Archive(
        STREAMS[0],
        source,
        target,
        decoders,
        Policy(1, 1_000, 600.0),
        limit=limit(),
        clock=lambda: NOON,
        monotonic=lambda: float(next(minutes)),
    ).run(stop)
    assert [after for _, _, after in target.commits] == [
        {f"{TOPIC}/0": 6, f"{TOPIC}/1": 0, f"{LATE}/0": 700},
        {f"{TOPIC}/0": 7, f"{TOPIC}/1": 0, f"{LATE}/0": 700},
    ]
    # What a topic is asked for that is found only after the commits.
    assert {found[Partition(LATE, 0)] for found in source.found} == {700}
    assert len(source.found) > 1


def test_markers_behind_the_last_record_are_committed_with_it(stop: threading.Event) -> None:
    source, target = FakeSource(stop, [message(99)]), FakeTarget({f"{TOPIC}/0": 99})
    source.batches.append(lambda: source.next.update({Partition(TOPIC, 0): 101}))
    archive(source, target).run(stop)
    assert [after for _, _, after in target.commits] == [{f"{TOPIC}/0": 101, f"{TOPIC}/1": 0}]


def test_a_lake_that_is_away_keeps_the_batch_until_it_is_back(stop: threading.Event) -> None:
    source, target = FakeSource(stop, [message(0), message(1)]), FakeTarget()
    target.failures = [Transient("the catalog is away"), Transient("the catalog is away")]
    worker = archive(source, target)
    worker.run(stop)
    assert [len(rows) for rows, _, _ in target.commits] == [2]
    assert worker.trouble() is None


def test_a_registry_that_is_away_skips_nothing(stop: threading.Event) -> None:
    source, target = FakeSource(stop, [message(0), message(1)]), FakeTarget()
    archive(source, target, FakeDecoder([Transient("the registry is away")])).run(stop)
    assert [[row["kafka_offset"] for row in rows] for rows, _, _ in target.commits] == [[0, 1]]


def test_what_could_not_be_decoded_before_the_stop_is_not_passed_over(stop: threading.Event) -> None:
    source, target = FakeSource(stop, [message(0)], [message(1), message(2)]), FakeTarget()
    decoder = FakeDecoder()
    source.batches.insert(1, lambda: setattr(decoder, "failures", [Transient("away")] * 99))
    decoder.at_failure = stop.set
    archive(source, target, decoder, rows=50).run(stop)
    assert [(len(rows), after[f"{TOPIC}/0"]) for rows, _, after in target.commits] == [(1, 1)]


def test_a_record_that_cannot_be_read_is_a_row_of_its_bytes(stop: threading.Event) -> None:
    source, target = FakeSource(stop, [message(0, b"odd"), message(1)]), FakeTarget()
    archive(source, target).run(stop)
    ((rows, _, _),) = target.commits
    assert [(row.get("payload"), row["kafka_offset"]) for row in rows] == [(b"odd", 0), (None, 1)]


def test_many_records_that_cannot_be_read_stop_the_archive_before_they_are_committed(stop: threading.Event) -> None:
    source, target = FakeSource(stop, [message(0), *(message(each, b"odd") for each in range(1, 9))]), FakeTarget()
    with pytest.raises(Fault, match=rf"6 of 9 records of t .* wire_format \(6\); at {TOPIC}/0@1, .* the registry"):
        archive(source, target, rows=50).run(stop)
    assert target.commits == []


def test_a_share_that_is_tolerated_is_archived(stop: threading.Event) -> None:
    mixed = [message(each, b"odd" if each % 2 else b"sound") for each in range(20)]
    source, target = FakeSource(stop, mixed), FakeTarget()
    archive(source, target, rows=50).run(stop)
    ((rows, _, _),) = target.commits
    assert len(rows) == 20


def test_bad_records_at_the_beginning_are_a_share_of_what_was_read_with_them(stop: threading.Event) -> None:
    bad_first = [message(each, b"odd" if each < 7 else b"sound") for each in range(20)]
    source, target = FakeSource(stop, bad_first), FakeTarget()
    archive(source, target, rows=50).run(stop)
    assert [len(rows) for rows, _, _ in target.commits] == [20]


def test_a_table_that_lacks_a_column_is_waited_for(stop: threading.Event) -> None:
    source, target = FakeSource(stop, [message(0)]), FakeTarget()
    target.missing = ["livemode", "livemode"]
    archive(source, target).run(stop)
    assert target.refreshed == 1
    assert [len(rows) for rows, _, _ in target.commits] == [1]
    assert issubclass(ColumnMissing, Transient)


def test_a_gap_is_counted_with_its_offsets() -> None:
    def lost() -> float:
        return REGISTRY.get_sample_value("archive_lost_offsets_total", {"topic": "t"}) or 0.0

    before = lost()
    note_gap(Gap(Partition("t", 3), 10, 14))
    note_gap(Gap(Partition("t", 3), 90, 2, is_reset=True))
    assert lost() - before == 4.0
    assert REGISTRY.get_sample_value("archive_gaps_total", {"topic": "t", "kind": "reset"}) == 1.0
