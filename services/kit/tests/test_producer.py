"""The real producer, while no broker answers."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial

import pytest
from confluent_kafka import KafkaError
from kit.errors import Rejected, Transient
from kit.kafka import Producer
from kit.kafka.producer import _family, _Pending
from kit.kafka.testing import acknowledged
from structlog.testing import capture_logs

NOWHERE = "127.0.0.1:1"


async def produced(producer: Producer, value: bytes = b"value") -> None:
    await acknowledged(partial(producer.produce, "topic", b"key", value))


async def nothing_in_flight(producer: Producer) -> None:
    """Wait until the library, too, has given up what it was given."""
    while producer.in_flight:  # noqa: ASYNC110  # it has no signal for it
        await asyncio.sleep(0.01)


@pytest.fixture
async def producer() -> AsyncIterator[Producer]:
    made = Producer(NOWHERE, "test", deadline_seconds=0.3, max_in_flight=3)
    yield made
    await made.close(timeout_seconds=5)


async def test_gives_up_at_the_deadline_when_no_broker_answers(producer: Producer) -> None:
    with pytest.raises(Transient, match=r"acknowledge within 0\.3 s") as caught:
        await produced(producer)
    assert caught.value.retry_after_seconds == 1.0


async def test_says_once_what_became_of_a_record(producer: Producer) -> None:
    told: list[object] = []
    producer.produce("topic", b"key", b"value", told.append)
    assert told == []
    # The library reports it, too, once its own deadline is over.
    await nothing_in_flight(producer)
    assert [type(each) for each in told] == [Transient]


async def test_takes_no_more_than_may_be_in_flight(producer: Producer) -> None:
    answers = await asyncio.gather(*(produced(producer) for _ in range(5)), return_exceptions=True)
    assert [str(answer).startswith("3 records wait") for answer in answers] == [False, False, False, True, True]


async def test_takes_more_once_what_was_in_flight_is_given_up(producer: Producer) -> None:
    for _ in range(2):
        answers = await asyncio.gather(*(produced(producer) for _ in range(3)), return_exceptions=True)
        assert all(str(answer).startswith("Kafka did not acknowledge") for answer in answers)
        await nothing_in_flight(producer)


async def test_whoever_waits_no_more_keeps_nobody_else_from_waiting(producer: Producer) -> None:
    first, second, third = [asyncio.ensure_future(produced(producer)) for _ in range(3)]
    await asyncio.sleep(0)
    second.cancel()
    answers = await asyncio.gather(first, second, third, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Transient, asyncio.CancelledError, Transient]
    await nothing_in_flight(producer)


async def test_what_nobody_waits_for_any_more_is_still_in_flight(producer: Producer) -> None:
    waiting = asyncio.ensure_future(produced(producer))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert producer.in_flight == 1
    assert await producer.close(timeout_seconds=10) == 0


async def test_what_was_given_up_is_forgotten_at_once(producer: Producer) -> None:
    """While the broker is away, memory must not grow with what was refused until the next collection."""
    for _ in range(2):
        gc.collect()
        gc.disable()
        try:
            with suppress(Transient):
                await produced(producer)
            await nothing_in_flight(producer)
            unreachable = gc.collect()
        finally:
            gc.enable()
    # The first time things are made that stay.
    assert unreachable == 0


async def test_does_not_warm_up_when_no_broker_answers(producer: Producer) -> None:
    with pytest.raises(Transient):
        await producer.warm_up(["topic"])


async def test_says_that_no_broker_is_reachable(producer: Producer) -> None:
    assert producer.check() == "no broker is reachable"


async def test_brokers_that_answer_but_acknowledge_nothing_are_out_of_order(
    producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    statistics = {"eos": {"idemp_state": "Assigned"}, "brokers": {"one": {"state": "UP", "nodeid": 1}}}

    def check() -> str | None:
        # As one of three brokers has it, when the other two are away.
        producer._note_statistics(json.dumps(statistics))
        return producer.check()

    assert check() is None
    with pytest.raises(Transient):
        await produced(producer)
    assert check() == "the brokers have acknowledged nothing since a record was given up after 0.3 s"
    with monkeypatch.context() as patched:
        patched.setattr("kit.kafka.producer._SECONDS_OF_DOUBT", 0)
        assert check() is None
    producer._report(_Pending(0, lambda _: None), None, None)
    assert check() is None


async def test_closing_waits_until_nothing_is_in_flight(producer: Producer) -> None:
    pending = asyncio.ensure_future(produced(producer))
    await asyncio.sleep(0)
    assert producer.in_flight == 1
    given_up = await producer.close(timeout_seconds=10)
    assert given_up == 0
    assert isinstance(await asyncio.gather(pending, return_exceptions=True), list)
    assert producer.in_flight == 0


async def test_closing_gives_up_what_takes_too_long_and_says_so_to_whoever_waits() -> None:
    producer = Producer(NOWHERE, "test", deadline_seconds=300)
    waiting = [asyncio.ensure_future(produced(producer)) for _ in range(3)]
    await asyncio.sleep(0)
    with capture_logs() as lines:
        assert await producer.close(timeout_seconds=0.1) == 3
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [str(answer) for answer in answers] == ["The producer was closed before Kafka acknowledged."] * 3
    assert all(isinstance(answer, Transient) for answer in answers)
    assert [line["count"] for line in lines if line["event"] == "records_given_up"] == [3]


async def test_closing_twice_is_closing_once(producer: Producer) -> None:
    assert [await producer.close(), await producer.close()] == [0, 0]


async def test_takes_nothing_while_closing(producer: Producer) -> None:
    await producer.close()
    with pytest.raises(Transient, match="closing"):
        await produced(producer)


async def test_a_record_that_is_too_large_is_refused_at_once_and_nothing_waits_for_it(producer: Producer) -> None:
    with pytest.raises(Rejected, match=r"Raise message\.max\.bytes .* max\.message\.bytes of the topic") as caught:
        await produced(producer, b"secret" * 200_000)
    assert caught.value.reason_code == "record_too_large"
    assert "secret" not in caught.value.detail
    assert producer.in_flight == 0


def test_a_record_that_the_broker_finds_too_large_is_refused_too() -> None:
    found = _family(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
    assert isinstance(found, Rejected)
    assert found.reason_code == "record_too_large"
