from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from kit.errors import Fault, Rejected, Transient
from kit.kafka import Message, Partition
from orchestrator.routing import Decode, Router
from orchestrator.source import Arrival, KafkaSource, Poison
from payments_contracts.pins.orchestrator import PaymentEvent

MakeEvent = Callable[..., PaymentEvent]
Revoked = Callable[[Sequence[Partition]], None]
ZERO, ONE = Partition("t", 0), Partition("t", 1)


class Consumer:
    """A member of a group, in memory: gives what it is given, and loses partitions when it is told to."""

    def __init__(self) -> None:
        self.revoked: Revoked = lambda _: None
        self.mine = [ZERO, ONE]
        self.messages: list[Message] = []
        self.lose_in_poll: list[Partition] = []
        self.comes_back = False
        self.paused: set[Partition] = set()
        self.committed: list[Mapping[Partition, int]] = []
        self.commit_error: Exception | None = None
        self.closed = False

    def poll(self, limit: int, timeout_seconds: float) -> list[Message]:
        given, self.messages = self.messages[:limit], self.messages[limit:]
        if lost := self.lose_in_poll:
            self.lose_in_poll = []
            self.lose(lost)
        return [message for message in given if Partition(message.topic, message.partition) not in self.paused]

    def lose(self, partitions: Sequence[Partition]) -> None:
        self.revoked(partitions)
        if not self.comes_back:
            self.mine = [partition for partition in self.mine if partition not in partitions]

    def assignment(self) -> list[Partition]:
        return list(self.mine)

    def pause(self, partitions: Sequence[Partition]) -> None:
        self.paused |= set(partitions)

    def resume(self, partitions: Sequence[Partition]) -> None:
        self.paused -= set(partitions)

    def commit(self, next_offsets: Mapping[Partition, int]) -> bool:
        if self.commit_error is not None:
            raise self.commit_error
        self.committed.append(dict(next_offsets))
        return True

    def check(self) -> str | None:
        return "Kafka does not answer"

    def close(self) -> None:
        self.revoked(self.mine)
        self.closed = True


class Owner:
    """Finishes partitions at once and says up to where."""

    def __init__(self) -> None:
        self.given_up: list[Sequence[Partition]] = []

    async def give_up(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        self.given_up.append(partitions)
        return dict.fromkeys(partitions, 5)


def source_of(consumer: Consumer, owner: Owner, event: PaymentEvent, decode: Decode | None = None) -> KafkaSource:
    def open_consumer(revoked: Revoked) -> Any:
        consumer.revoked = revoked
        return consumer

    return KafkaSource(
        open_consumer, Router(decode or (lambda _: event.model_dump())), owner.give_up, give_up_seconds=5.0
    )


def message(partition: Partition, offset: int) -> Message:
    return Message(partition.topic, partition.number, offset, 0, None, b"...")


async def test_gives_events_with_their_places(make_event: MakeEvent) -> None:
    consumer = Consumer()
    consumer.messages = [message(ZERO, 7), message(ONE, 3)]
    source = source_of(consumer, Owner(), make_event())
    arrivals = await source.poll(10)
    assert [(arrival.partition, arrival.offset) for arrival in arrivals] == [(ZERO, 7), (ONE, 3)]
    assert isinstance(arrivals[0], Arrival)
    assert arrivals[0].event == make_event()
    await source.close()


async def test_a_record_that_cannot_be_used_comes_with_its_bytes_place_and_reason_and_holds_nothing_up(
    make_event: MakeEvent,
) -> None:
    def decode(value: bytes) -> dict[str, object]:
        if value == b"bad":
            raise Rejected("not in the wire format", "wire_format")
        return make_event().model_dump()

    consumer = Consumer()
    bad = Message("t", 0, 8, 1_700_000_000_123, b"merch_1", b"bad")
    consumer.messages = [message(ZERO, 7), bad, message(ZERO, 9)]
    source = source_of(consumer, Owner(), make_event(), decode)
    before, poison, after = await source.poll(10)
    assert isinstance(before, Arrival)
    assert isinstance(after, Arrival)
    assert isinstance(poison, Poison)
    assert (poison.key, poison.value, str(poison.position)) == (b"merch_1", b"bad", "t/0@8")
    assert poison.written_at == datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC)
    assert (poison.error.reason_code, poison.error.detail) == ("wire_format", "not in the wire format")
    await source.close()


@pytest.mark.parametrize("family", [Transient, Fault])
async def test_a_registry_that_is_away_or_lets_nobody_in_makes_no_record_poison(
    make_event: MakeEvent, family: type[Exception]
) -> None:
    def decode(_: bytes) -> dict[str, object]:
        raise family("the registry")

    consumer = Consumer()
    consumer.messages = [message(ZERO, 7)]
    source = source_of(consumer, Owner(), make_event(), decode)
    with pytest.raises(family, match="the registry"):
        await source.poll(10)
    await source.close()


async def test_reads_nothing_but_stays_a_member_while_there_is_no_room(make_event: MakeEvent) -> None:
    consumer = Consumer()
    source = source_of(consumer, Owner(), make_event())
    assert await source.poll(0) == []
    assert consumer.paused == {ZERO, ONE}
    consumer.mine = [ZERO]
    consumer.messages = [message(ZERO, 7)]
    assert len(await source.poll(5)) == 1
    assert consumer.paused == {ONE}
    await source.close()


async def test_drops_messages_of_a_partition_that_went_while_it_polled(make_event: MakeEvent) -> None:
    consumer, owner = Consumer(), Owner()
    consumer.messages = [message(ZERO, 7), message(ONE, 3)]
    consumer.lose_in_poll = [ONE]
    source = source_of(consumer, owner, make_event())
    assert [arrival.partition for arrival in await source.poll(10)] == [ZERO]
    assert owner.given_up == [[ONE]]
    assert consumer.committed == [{ONE: 5}]
    await source.close()


async def test_a_partition_that_went_and_came_back_within_one_poll_begins_anew_at_its_offset(
    make_event: MakeEvent,
) -> None:
    consumer = Consumer()
    consumer.messages = [message(ZERO, 7), message(ONE, 3)]
    consumer.lose_in_poll = [ONE]
    consumer.comes_back = True
    source = source_of(consumer, Owner(), make_event())
    # What was read is of the former assignment or of the new one: dropping it could skip it.
    with pytest.raises(Transient, match="within one poll"):
        await source.poll(10)
    await source.close()


async def test_a_partition_that_was_taken_away_while_paused_is_read_when_it_comes_back(make_event: MakeEvent) -> None:
    consumer = Consumer()
    source = source_of(consumer, Owner(), make_event())
    await source.poll(0)
    consumer.mine = [ZERO]
    await source.poll(5)
    consumer.mine = [ZERO, ONE]
    await source.poll(5)
    assert consumer.paused == set()
    await source.close()


async def test_commits_for_its_own_partitions_only(make_event: MakeEvent) -> None:
    consumer = Consumer()
    consumer.mine = [ZERO]
    source = source_of(consumer, Owner(), make_event())
    await source.commit({ZERO: 8, ONE: 4})
    assert consumer.committed == [{ZERO: 8}]
    await source.close()


async def test_closing_commits_what_is_finished(make_event: MakeEvent) -> None:
    consumer = Consumer()
    source = source_of(consumer, Owner(), make_event())
    await source.close()
    assert consumer.committed == [{ZERO: 5, ONE: 5}]
    assert consumer.closed


async def test_a_commit_that_fails_while_partitions_go_is_left_to_their_next_owner(make_event: MakeEvent) -> None:
    consumer = Consumer()
    consumer.commit_error = Transient("broker away")
    source = source_of(consumer, Owner(), make_event())
    await source.close()
    assert consumer.closed
    assert consumer.committed == []


async def test_tells_what_is_wrong_with_kafka(make_event: MakeEvent) -> None:
    source = source_of(Consumer(), Owner(), make_event())
    assert source.check() == "Kafka does not answer"
    await source.close()
