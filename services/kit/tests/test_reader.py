"""A reader counts as read only what it reads, and is told where each partition ends."""

from dataclasses import dataclass, field

import confluent_kafka
import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from kit.errors import Transient
from kit.kafka import Partition
from kit.kafka.reader import _END, Gap, Reader

ORDERS = [Partition("orders", 0), Partition("orders", 1)]
DOWN = KafkaError(KafkaError._TRANSPORT)
END = KafkaError(_END)


@dataclass
class Delivered:
    """What librdkafka hands over: a message, or an event that says what is the matter."""

    number: int
    failure: KafkaError | None = None

    def error(self) -> KafkaError | None:
        return self.failure

    def topic(self) -> str:
        return "orders"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.number

    def timestamp(self) -> tuple[int, int]:
        return (1, 0)

    def key(self) -> None:
        return None

    def headers(self) -> None:
        return None

    def value(self) -> bytes:
        return b"value"


@dataclass
class Topic:
    partitions: dict[int, None]
    error: KafkaError | None = None


@dataclass
class Metadata:
    topics: dict[str, Topic]


@dataclass
class Broker:
    """Stands in the place of librdkafka's consumer: one topic, of which it tells and gives what was prepared."""

    ends: dict[Partition, tuple[int, int]]
    silent: set[Partition] = field(default_factory=set)
    batch: list[Delivered] = field(default_factory=list)
    assigned: dict[Partition, int] = field(default_factory=dict)

    def list_topics(self, timeout: float) -> Metadata:
        return Metadata({"orders": Topic(dict.fromkeys(each.number for each in self.ends))})

    def get_watermark_offsets(
        self, at: TopicPartition, timeout: float = 0.0, *, cached: bool = False
    ) -> tuple[int, int]:
        partition = Partition(at.topic, at.partition)
        if partition in self.silent:
            raise KafkaException(DOWN)
        return self.ends[partition]

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        self.assigned |= {Partition(at.topic, at.partition): at.offset for at in partitions}

    def poll(self, _timeout: float) -> Delivered | None:
        return self.batch.pop(0) if self.batch else None

    def consume(self, _limit: int, timeout: float) -> list[Delivered]:
        rest, self.batch = self.batch, []
        return rest


def reader(broker: Broker, gaps: list[Gap] | None = None) -> Reader:
    note = [] if gaps is None else gaps
    made = Reader("127.0.0.1:1", ["orders"], group_id="group", client_id="test", on_gap=note.append)
    made.close()
    made._consumer = broker  # type: ignore[assignment]  # a fake in the place of the C extension's type
    return made


def test_each_partition_is_read_from_its_position_or_its_beginning_once() -> None:
    broker = Broker({ORDERS[0]: (0, 9), ORDERS[1]: (3, 9)})
    made = reader(broker)
    assert made.find({ORDERS[0]: 5}) == ORDERS
    assert broker.assigned == made.next_offsets() == {ORDERS[0]: 5, ORDERS[1]: 3}
    assert made.lags() == {"orders": 10}
    assert made.find({ORDERS[0]: 5}) == []


def test_brokers_that_fall_silent_between_two_partitions_leave_none_counted_as_read() -> None:
    broker = Broker({ORDERS[0]: (4, 9), ORDERS[1]: (0, 9)}, silent={ORDERS[1]})
    gaps: list[Gap] = []
    made = reader(broker, gaps)
    with pytest.raises(Transient):
        made.find({ORDERS[0]: 2})
    assert broker.assigned == made.next_offsets() == {}
    assert gaps == []
    broker.silent.clear()
    assert made.find({ORDERS[0]: 2}) == ORDERS
    assert broker.assigned == made.next_offsets() == {ORDERS[0]: 4, ORDERS[1]: 0}
    assert gaps == [Gap(ORDERS[0], 2, 4)]


def test_a_partition_that_is_shorter_than_what_was_read_of_it_is_read_again() -> None:
    broker = Broker({ORDERS[0]: (0, 2)})
    gaps: list[Gap] = []
    reader(broker, gaps).find({ORDERS[0]: 90})
    assert broker.assigned == {ORDERS[0]: 0}
    assert gaps == [Gap(ORDERS[0], 90, 2, is_reset=True)]


def test_the_marker_of_a_transaction_at_the_end_of_a_partition_counts_as_read() -> None:
    broker = Broker({ORDERS[0]: (0, 101)}, batch=[Delivered(99), Delivered(101, END)])
    made = reader(broker)
    made.find({ORDERS[0]: 99})
    assert [message.offset for message in made.poll(10, 0.1)] == [99]
    assert made.next_offsets() == {ORDERS[0]: 101}
    assert made.lags() == {"orders": 0}


def test_librdkafka_tells_where_a_partition_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kit.kafka.reader._FETCH_WAIT_MS", 10)
    brokers = confluent_kafka.Consumer({"test.mock.num.brokers": 1, "bootstrap.servers": "none", "group.id": "group"})
    servers = ",".join(f"{each.host}:{each.port}" for each in brokers.list_topics(timeout=10).brokers.values())
    producer = confluent_kafka.Producer({"bootstrap.servers": servers})
    producer.produce("orders", b"value", partition=0)
    producer.flush(10)
    with Reader(servers, ["orders"], group_id="group", client_id="test") as made:
        assert ORDERS[0] in made.find({})
        # Of the library itself, since `poll` keeps to itself what is no message: one record, and four ends.
        given = [each for _ in range(5) if (each := made._consumer.poll(5.0)) is not None]
    brokers.close()
    ends = [(each.partition(), each.offset()) for each in given if (error := each.error()) and error.code() == _END]
    assert sorted(ends) == [(0, 1), (1, 0), (2, 0), (3, 0)]
