"""When the gateway asks for a webhook to be sent again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from kit.errors import Fault, Transient
from payments_contracts.gateway import Problem

BODY = b'{"id":"evt_1","type":"payment_intent.succeeded","created":1767607290,"account":"acct_9","data":{"object":{}}}'


async def under_way(gateway: Any, count: int) -> list["asyncio.Future[Any]"]:
    """Send webhooks that Kafka does not acknowledge."""
    gateway.producer.acknowledging.clear()
    sent = [asyncio.ensure_future(gateway.post(BODY)) for _ in range(count)]
    await asyncio.sleep(0.05)
    assert not any(each.done() for each in sent)
    return sent


@pytest.mark.parametrize("body", [BODY, b"{"])
async def test_asks_to_send_again_while_the_broker_is_away(gateway: Any, body: bytes) -> None:
    gateway.producer.trouble = Transient("no acknowledgement", retry_after_seconds=2.5)
    answer = await gateway.post(body)
    assert (answer.status_code, answer.json()["reason_code"]) == (503, "broker_unavailable")
    assert answer.headers["Retry-After"] == "3"
    assert gateway.count("unavailable", "broker_unavailable") == 1
    assert gateway.faults == []


async def test_accepts_again_once_the_broker_is_back(gateway: Any) -> None:
    gateway.producer.trouble = Transient("no acknowledgement")
    assert (await gateway.post(BODY)).headers["Retry-After"] == "1"
    gateway.producer.trouble = None
    assert (await gateway.post(BODY)).status_code == 200


async def test_asks_to_be_stopped_when_the_producer_is_beyond_repair(gateway: Any) -> None:
    gateway.producer.trouble = Fault("beyond repair")
    assert (await gateway.post(BODY)).status_code == 503
    assert gateway.faults == ["fault"]


async def test_asks_to_send_again_what_is_more_than_may_be_under_way(opened: Callable[..., Awaitable[Any]]) -> None:
    gateway = await opened(max_concurrent=3)
    sent = await under_way(gateway, 3)
    answer = await gateway.post(BODY)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert Problem.model_validate_json(answer.content).reason_code.root == "not_ready"
    gateway.producer.acknowledging.set()
    assert [each.status_code for each in await asyncio.gather(*sent)] == [200] * 3
    assert gateway.count("unavailable", "not_ready") == 1


async def test_forgeries_too_are_asked_to_come_again_while_too_much_is_under_way(
    opened: Callable[..., Awaitable[Any]],
) -> None:
    gateway = await opened(max_concurrent=1)
    sent = await under_way(gateway, 1)
    assert (await gateway.post(BODY, Stripe_Signature="t=1,v1=00")).status_code == 503
    gateway.producer.acknowledging.set()
    await asyncio.gather(*sent)


@pytest.mark.parametrize("body", [BODY, b"{", b"", b" " * 600_000])
async def test_what_was_answered_is_under_way_no_more(opened: Callable[..., Awaitable[Any]], body: bytes) -> None:
    gateway = await opened(max_concurrent=1)
    for _ in range(5):
        assert (await gateway.post(body)).status_code in {200, 401, 413, 422}
    gateway.producer.trouble = Transient("away")
    for _ in range(5):
        assert (await gateway.post(BODY)).json()["reason_code"] == "broker_unavailable"
    gateway.producer.trouble = None
    assert (await gateway.post(BODY)).status_code == 200


async def test_what_was_given_up_is_under_way_until_it_is_written(
    opened: Callable[..., Awaitable[Any]], until: Callable[..., Awaitable[None]]
) -> None:
    gateway = await opened(max_concurrent=1)
    [sent] = await under_way(gateway, 1)
    sent.cancel()
    await asyncio.gather(sent, return_exceptions=True)
    assert (await gateway.post(BODY)).status_code == 503
    gateway.producer.acknowledging.set()
    await until(lambda: len(gateway.producer.records) == 1)
    assert (await gateway.post(BODY)).status_code == 200
