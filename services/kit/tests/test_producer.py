"""The real producer, while no broker answers."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from confluent_kafka import KafkaError
from kit.errors import Rejected, Transient
from kit.kafka import Producer
from kit.kafka.producer import _family

NOWHERE = "127.0.0.1:1"


@pytest.fixture
async def producer() -> AsyncIterator[Producer]:
    made = Producer(NOWHERE, "test", deadline_seconds=0.3, max_in_flight=3)
    yield made
    await made.close(timeout_seconds=5)


async def test_gives_up_at_the_deadline_when_no_broker_answers(producer: Producer) -> None:
    with pytest.raises(Transient, match=r"acknowledge within 0\.3 s") as caught:
        await producer.produce("topic", b"key", b"value")
    assert caught.value.retry_after_seconds == 1.0


async def test_takes_no_more_than_may_be_in_flight(producer: Producer) -> None:
    answers = await asyncio.gather(
        *(producer.produce("topic", b"key", b"value") for _ in range(5)), return_exceptions=True
    )
    assert [str(answer).startswith("3 records wait") for answer in answers] == [False, False, False, True, True]


async def test_does_not_warm_up_when_no_broker_answers(producer: Producer) -> None:
    with pytest.raises(Transient):
        await producer.warm_up(["topic"])


async def test_says_that_no_broker_is_reachable(producer: Producer) -> None:
    assert producer.check() == "no broker is reachable"


async def test_closing_waits_until_nothing_is_in_flight(producer: Producer) -> None:
    pending = asyncio.ensure_future(producer.produce("topic", b"key", b"value"))
    await asyncio.sleep(0)
    assert producer.in_flight == 1
    given_up = await producer.close(timeout_seconds=10)
    assert given_up == 0
    assert isinstance(await asyncio.gather(pending, return_exceptions=True), list)
    assert producer.in_flight == 0


async def test_takes_nothing_while_closing(producer: Producer) -> None:
    await producer.close()
    with pytest.raises(Transient, match="closing"):
        await producer.produce("topic", b"key", b"value")


async def test_a_record_that_is_too_large_is_refused_at_once_and_nothing_waits_for_it(producer: Producer) -> None:
    with pytest.raises(Rejected, match=r"Raise message\.max\.bytes .* max\.message\.bytes of the topic") as caught:
        await producer.produce("topic", b"key", b"secret" * 200_000)
    assert caught.value.reason_code == "record_too_large"
    assert "secret" not in caught.value.detail
    assert producer.in_flight == 0


def test_a_record_that_the_broker_finds_too_large_is_refused_too() -> None:
    found = _family(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
    assert isinstance(found, Rejected)
    assert found.reason_code == "record_too_large"
