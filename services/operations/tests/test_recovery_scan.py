"""A topic says from when on it holds all that was written, also where it was made anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from confluent_kafka import KafkaError, TopicPartition
from operations import stretches as stretches_module
from operations.recovery.events import Position
from operations.recovery.scan import Scanner

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TOPIC = "payments.stripe.raw"


class End:
    """What a consumer is told at the end of a partition."""

    def code(self) -> int:
        return KafkaError._PARTITION_EOF


@dataclass
class Record:
    """A record as confluent's consumer gives it, or the end of a partition."""

    number: int
    place: int
    hours: int | None

    def error(self) -> End | None:
        return End() if self.hours is None else None

    def partition(self) -> int:
        return self.number

    def offset(self) -> int:
        return self.place

    def timestamp(self) -> tuple[int, int]:
        assert self.hours is not None
        return 1, int((NOON + self.hours * HOUR).timestamp() * 1000)

    def key(self) -> bytes:
        return b"key"

    def headers(self) -> list[tuple[str, bytes | None]]:
        return [("redrive", b"run"), ("empty", None)]

    def value(self) -> bytes:
        return b"value"


class Metadata:
    """What a broker says of the topic."""

    error = None

    def __init__(self, partitions: Sequence[int]) -> None:
        self.partitions = partitions
        self.topics = {TOPIC: self}


class Kafka:
    """A consumer of partitions whose records are given by the hours after noon, from an offset on."""

    def __init__(self, partitions: Mapping[int, tuple[int, Sequence[int]]], marks: int = 0) -> None:
        self._partitions, self._marks = partitions, marks
        self._ahead: list[Record] = []
        self.assigned: list[dict[int, int]] = []

    def list_topics(self, _topic: str, timeout: float) -> Metadata:
        del timeout
        return Metadata(list(self._partitions))

    def get_watermark_offsets(self, at: TopicPartition, timeout: float) -> tuple[int, int]:
        del timeout
        start, hours = self._partitions[at.partition]
        return start, start + len(hours) + self._marks

    def assign(self, places: Sequence[TopicPartition]) -> None:
        self.assigned.append({at.partition: at.offset for at in places})
        for at in places:
            start, hours = self._partitions[at.partition]
            records = [Record(at.partition, start + number, hour) for number, hour in enumerate(hours)]
            self._ahead += [each for each in records if each.place >= at.offset]
            self._ahead.append(Record(at.partition, start + len(hours) + self._marks, None))

    def unassign(self) -> None:
        self._ahead.clear()

    def poll(self, _timeout: float) -> Record | None:
        return self._ahead.pop(0) if self._ahead else None

    def consume(self, _count: int, timeout: float) -> list[Record]:
        del timeout
        left, self._ahead = self._ahead, []
        return left


def scanner_of(monkeypatch: pytest.MonkeyPatch, kafka: Kafka) -> Scanner:
    def connect(_settings: Mapping[str, Any]) -> Kafka:
        return kafka

    monkeypatch.setattr(stretches_module, "Consumer", connect)
    return Scanner("nowhere:1")


def held_since(monkeypatch: pytest.MonkeyPatch, kafka: Kafka) -> datetime:
    return scanner_of(monkeypatch, kafka).held_since(TOPIC)


def test_places_of_all_partitions_are_read_together_and_far_ones_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = Kafka({0: (100, [1] * 6_000), 1: (0, [1] * 50), 2: (0, [1] * 9)})
    gone, not_yet = Position(TOPIC, 0, 99), Position(TOPIC, 1, 50)
    wanted = {Position(TOPIC, 0, 100), Position(TOPIC, 0, 103), Position(TOPIC, 0, 5_000), Position(TOPIC, 1, 49)}
    found = list(scanner_of(monkeypatch, kafka).at([*wanted, gone, not_yet, *wanted]))
    assert {Position(each.topic, each.partition, each.offset) for each in found} == wanted
    assert len(found) == len(wanted)
    assert kafka.assigned == [{0: 100, 1: 49}, {0: 5_000}]


@pytest.mark.parametrize(
    ("partitions", "hours"),
    [
        # It begins at its first offset: it may have been made anew just before its first record, and not later.
        ({0: (0, [5, 6]), 1: (0, [3])}, 3),
        ({0: (0, [5]), 1: (0, [])}, 5),
        # Retention took the beginning of each; before the latest of these something is missing.
        ({0: (7, [5]), 1: (9, [3, 4])}, 5),
        # A partition that holds all since the topic was made takes nothing away.
        ({0: (7, [3]), 1: (0, [5])}, 3),
    ],
    ids=str,
)
def test_a_topic_holds_all_since_a_record(
    monkeypatch: pytest.MonkeyPatch, partitions: Mapping[int, tuple[int, Sequence[int]]], hours: int
) -> None:
    assert held_since(monkeypatch, Kafka(partitions)) == NOON + hours * HOUR


@pytest.mark.parametrize(
    ("partitions", "marks"),
    [
        # Nothing tells whether anything was written to the one before it.
        ({0: (0, []), 1: (0, [])}, 0),
        ({0: (0, [])}, 2),
        # All of a partition is gone: its last record may have been written a moment ago.
        ({0: (7, []), 1: (9, [3])}, 0),
    ],
    ids=str,
)
def test_a_topic_of_which_nothing_tells_holds_all_from_now_on(
    monkeypatch: pytest.MonkeyPatch, partitions: Mapping[int, tuple[int, Sequence[int]]], marks: int
) -> None:
    before = datetime.now(UTC)
    assert held_since(monkeypatch, Kafka(partitions, marks)) >= before


def test_what_each_partition_holds_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = Kafka({0: (7, [5, 6]), 1: (9, [])})
    assert scanner_of(monkeypatch, kafka).held(TOPIC) == {0: range(7, 9), 1: range(9, 9)}
