"""The kit's producer and consumer, on the real Kafka."""

import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial

import confluent_kafka
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from kit.errors import Fault
from kit.kafka import Consumer, Message, Partition, Producer, Tail
from kit.kafka.testing import ProducerBehaviour, Read, acknowledged

pytestmark = pytest.mark.integration


@pytest.fixture
def bootstrap_servers(stack: Mapping[str, str]) -> str:
    return stack["KAFKA_BOOTSTRAP_SERVERS"]


@pytest.fixture
def topic(bootstrap_servers: str) -> Iterator[str]:
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    name = f"test-{uuid.uuid4()}"
    admin.create_topics([NewTopic(name, 1, 1)])[name].result(30)
    yield name
    admin.delete_topics([name])[name].result(30)


@pytest.fixture
async def producer(bootstrap_servers: str) -> AsyncIterator[Producer]:
    producer = Producer(bootstrap_servers, "test", deadline_seconds=30)
    yield producer
    await producer.close()


@pytest.fixture
def group() -> str:
    return f"group-{uuid.uuid4()}"


def take(consumer: Consumer, count: int) -> list[Message]:
    """Poll until there are so many messages."""
    found: list[Message] = []
    for _ in range(60):
        found += consumer.poll(limit=100, timeout_seconds=1)
        if len(found) >= count:
            break
    return found


class TestKafkaProducer(ProducerBehaviour):
    """The real producer does what the one in memory does."""

    @pytest.fixture
    def read(self, bootstrap_servers: str, topic: str) -> Read:
        def read() -> Sequence[tuple[bytes, bytes]]:
            with Consumer(bootstrap_servers, f"read-{uuid.uuid4()}", [topic], client_id="test") as consumer:
                messages = take(consumer, 1)
                while consumer.lag()[Partition(topic, 0)] > 0:
                    messages += consumer.poll(limit=100, timeout_seconds=1)
            return [(message.key or b"", message.value or b"") for message in messages]

        return read


async def test_a_message_comes_with_its_place(
    producer: Producer, bootstrap_servers: str, topic: str, group: str
) -> None:
    await acknowledged(partial(producer.produce, topic, b"key", b"value"))
    with Consumer(bootstrap_servers, group, [topic], client_id="test") as consumer:
        [message] = take(consumer, 1)
    assert (message.topic, message.partition, message.offset) == (topic, 0, 0)
    assert (message.key, message.value) == (b"key", b"value")
    assert message.timestamp > 0


async def test_a_group_goes_on_after_what_it_committed(
    producer: Producer, bootstrap_servers: str, topic: str, group: str
) -> None:
    for number in range(5):
        await acknowledged(partial(producer.produce, topic, b"key", b"%d" % number))
    with Consumer(bootstrap_servers, group, [topic], client_id="test") as consumer:
        assert len(take(consumer, 5)) == 5
        consumer.commit({Partition(topic, 0): 3})
    with Consumer(bootstrap_servers, group, [topic], client_id="test") as consumer:
        assert [message.value for message in take(consumer, 2)] == [b"3", b"4"]
        assert consumer.lag() == {Partition(topic, 0): 0}
        assert consumer.check() is None


async def test_what_was_read_without_commit_is_read_again(
    producer: Producer, bootstrap_servers: str, topic: str, group: str
) -> None:
    await acknowledged(partial(producer.produce, topic, b"key", b"value"))
    for _ in range(2):
        with Consumer(bootstrap_servers, group, [topic], client_id="test") as consumer:
            assert [message.value for message in take(consumer, 1)] == [b"value"]


async def test_tells_which_partitions_come_and_go(
    producer: Producer, bootstrap_servers: str, topic: str, group: str
) -> None:
    await acknowledged(partial(producer.produce, topic, b"key", b"value"))
    came: list[Partition] = []
    went: list[Partition] = []
    with Consumer(
        bootstrap_servers, group, [topic], client_id="test", on_assigned=came.extend, on_revoked=went.extend
    ) as consumer:
        take(consumer, 1)
        assert (came, went, consumer.assignment()) == ([Partition(topic, 0)], [], [Partition(topic, 0)])
    assert went == came


async def test_a_paused_partition_gives_nothing_until_it_is_resumed(
    producer: Producer, bootstrap_servers: str, topic: str, group: str
) -> None:
    await acknowledged(partial(producer.produce, topic, b"key", b"first"))
    with Consumer(bootstrap_servers, group, [topic], client_id="test") as consumer:
        take(consumer, 1)
        consumer.pause([Partition(topic, 0)])
        await acknowledged(partial(producer.produce, topic, b"key", b"second"))
        assert consumer.poll(limit=10, timeout_seconds=1) == []
        consumer.resume([Partition(topic, 0)])
        assert [message.value for message in take(consumer, 1)] == [b"second"]


def test_a_topic_that_is_missing_is_a_fault(bootstrap_servers: str, group: str) -> None:
    with (
        Consumer(bootstrap_servers, group, ["no-such-topic"], client_id="test") as consumer,
        pytest.raises(Fault, match="payments topics apply"),
    ):
        take(consumer, 1)


async def test_the_tail_notices_what_is_appended_and_not_what_was_there(
    producer: Producer, bootstrap_servers: str, topic: str
) -> None:
    await acknowledged(partial(producer.produce, topic, b"key", b"before"))
    with closing(Tail(bootstrap_servers, (topic,), client_id="test")) as tail:
        assert tail.wait(2) == 0
        await acknowledged(partial(producer.produce, topic, b"key", b"after"))
        assert tail.wait(10) == 1


def test_the_tail_notices_a_record_whose_transaction_is_open(bootstrap_servers: str, topic: str) -> None:
    with closing(Tail(bootstrap_servers, (topic,), client_id="test")) as tail:
        assert tail.wait(2) == 0
        writer = confluent_kafka.Producer(
            {"bootstrap.servers": bootstrap_servers, "transactional.id": f"test-{uuid.uuid4()}"}
        )
        writer.init_transactions(30)
        writer.begin_transaction()
        writer.produce(topic, b"value")
        assert writer.flush(30) == 0
        assert tail.wait(10) == 1
        writer.abort_transaction(30)


def test_the_tail_counts_only_records_with_a_header_where_it_is_told_to(bootstrap_servers: str, topic: str) -> None:
    with closing(Tail(bootstrap_servers, (topic,), client_id="test", header=("job", b"mine"))) as tail:
        assert tail.wait(2) == 0
        writer = confluent_kafka.Producer({"bootstrap.servers": bootstrap_servers})
        writer.produce(topic, b"1")
        writer.produce(topic, b"2", headers=[("job", b"other")])
        assert writer.flush(30) == 0
        assert tail.wait(2) == 0
        writer.produce(topic, b"3", headers=[("more", b""), ("job", b"mine")])
        assert writer.flush(30) == 0
        assert sum(tail.wait(2) for _ in range(5)) == 1


def test_the_tail_names_a_topic_that_does_not_exist(bootstrap_servers: str) -> None:
    with (
        closing(Tail(bootstrap_servers, ("absent",), client_id="test")) as tail,
        pytest.raises(Fault, match="no topic absent"),
    ):
        tail.wait(1)
