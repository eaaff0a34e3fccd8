"""When the gateway takes webhooks, and what /readyz says."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kit.errors import Fault, Transient

BODY = b'{"id":"evt_1","type":"payment_intent.succeeded","created":1767607290,"account":"acct_9","data":{"object":{}}}'
READY = dict.fromkeys(["kafka", "schemas", "secrets", "warm_up"], "ok")
NOT_REGISTERED = "The schema of things-value, version 1, is not registered. Run `make register`."
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look schemas up again all the time."""
    monkeypatch.setattr("gateway.app._SECONDS_BETWEEN_LOOKUPS", 0.01)


async def looked_up_again(gateway: Any, until: Any) -> None:
    """Wait until the schemas have been looked up, from now on, and what was found has been seen to."""
    known = gateway.schemas.lookups
    await until(lambda: gateway.schemas.lookups >= known + 4)


async def test_takes_nothing_before_it_is_warm(cold: Any) -> None:
    answer = await cold.post(BODY)
    assert (answer.status_code, answer.json()["reason_code"], answer.headers["Retry-After"]) == (503, "not_ready", "1")


async def test_is_alive_but_not_ready_before_it_is_warm(cold: Any) -> None:
    assert (await cold.client.get("/healthz")).status_code == 200
    answer = await cold.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["warm_up"] == "not done yet"


async def test_keeps_trying_to_get_warm_while_the_broker_is_away(cold: Any, until: Any) -> None:
    cold.producer.trouble = Transient("away")
    async with cold.alive():
        await asyncio.sleep(0.05)
        assert (await cold.client.get("/readyz")).json()["checks"]["kafka"] == "away"
        cold.producer.trouble = None
        await until(lambda: cold.producer.check() is None)
        assert (await cold.client.get("/readyz")).status_code == 200


async def test_asks_to_be_stopped_when_a_topic_is_missing(cold: Any, until: Any) -> None:
    cold.producer.trouble = Fault("The topic does not exist.")
    async with cold.alive():
        await until(lambda: bool(cold.faults))


async def test_closes_the_producer_and_takes_nothing_more_at_the_end(cold: Any, until: Any) -> None:
    async with cold.alive():
        await until(lambda: cold.producer.check() is None)
    assert cold.producer.is_closed
    assert (await cold.post(BODY)).json()["reason_code"] == "not_ready"


async def test_is_ready_once_warm(gateway: Any) -> None:
    answer = await gateway.client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")


async def test_says_of_everything_that_it_is_ready(gateway: Any) -> None:
    assert await gateway.readiness() == (200, READY)


async def test_is_not_ready_while_kafka_is_away(gateway: Any) -> None:
    gateway.producer.trouble = Transient("no broker is reachable")
    assert await gateway.readiness() == (503, READY | {"kafka": "no broker is reachable"})


async def test_is_not_ready_before_schemas_are_looked_up(cold: Any) -> None:
    status, checks = await cold.readiness()
    assert (status, checks["schemas"]) == (503, "not looked up yet")


@pytest.mark.parametrize(("minutes", "status"), [(-61, 503), (-60, 200), (59, 200), (60, 503)])
async def test_is_ready_while_the_time_of_a_secret_is_now(
    opened: Callable[..., Awaitable[Any]], minutes: int, status: int
) -> None:
    times = {
        "not_before": (NOON - timedelta(hours=1)).isoformat(),
        "not_after": (NOON + timedelta(hours=1)).isoformat(),
    }
    secret = {"id": "timed", "secret": "0123456789abcdef", "merchant_id": "m", **times}
    gateway = await opened(secrets=[secret], now=NOON + timedelta(minutes=minutes))
    said = "ok" if status == 200 else "the time of no secret is now"
    assert await gateway.readiness() == (status, READY | {"secrets": said})
    assert (await gateway.post(BODY)).status_code == (200 if status == 200 else 401)


async def test_keeps_trying_to_look_schemas_up_while_the_registry_is_away(cold: Any, until: Any) -> None:
    cold.schemas.trouble = Transient("the registry does not answer")
    async with cold.alive():
        await until(lambda: cold.schemas.lookups > 1)
        assert (await cold.post(BODY)).json()["reason_code"] == "not_ready"
        assert (await cold.readiness())[0] == 503
        cold.schemas.trouble = None
        await until(lambda: cold.producer.check() is None)
        assert await cold.readiness() == (200, READY)
    assert cold.faults == []


async def test_asks_to_be_stopped_when_a_schema_is_not_registered_at_the_start(cold: Any, until: Any) -> None:
    cold.schemas.trouble = Fault(NOT_REGISTERED)
    async with cold.alive():
        await until(lambda: bool(cold.faults))
        assert (await cold.readiness())[1]["schemas"] == NOT_REGISTERED


@pytest.mark.usefixtures("impatient")
async def test_takes_webhooks_while_the_registry_is_away_later_on(gateway: Any, until: Any) -> None:
    gateway.schemas.trouble = Transient("the registry does not answer")
    await looked_up_again(gateway, until)
    assert (await gateway.post(BODY)).status_code == 200
    assert await gateway.readiness() == (200, READY)


@pytest.mark.usefixtures("impatient")
async def test_takes_nothing_once_a_schema_is_registered_no_more(gateway: Any, until: Any) -> None:
    gateway.schemas.trouble = Fault(NOT_REGISTERED)
    await looked_up_again(gateway, until)
    answer = await gateway.post(BODY)
    assert (answer.status_code, answer.json()["reason_code"], answer.headers["Retry-After"]) == (503, "not_ready", "1")
    assert await gateway.readiness() == (503, READY | {"schemas": NOT_REGISTERED, "warm_up": "not done yet"})
    assert gateway.producer.records == []
    # It can become what it was without being started again.
    assert gateway.faults == []


@pytest.mark.usefixtures("impatient")
async def test_takes_webhooks_again_once_the_schema_is_back(gateway: Any, until: Any) -> None:
    gateway.schemas.trouble = Fault(NOT_REGISTERED)
    await looked_up_again(gateway, until)
    gateway.schemas.trouble = None
    await looked_up_again(gateway, until)
    assert (await gateway.post(BODY)).status_code == 200
    assert await gateway.readiness() == (200, READY)


@pytest.mark.usefixtures("impatient")
async def test_stays_closed_while_nobody_can_tell_whether_the_schema_is_back(gateway: Any, until: Any) -> None:
    gateway.schemas.trouble = Fault(NOT_REGISTERED)
    await looked_up_again(gateway, until)
    gateway.schemas.trouble = Transient("the registry does not answer")
    await looked_up_again(gateway, until)
    assert (await gateway.post(BODY)).status_code == 503
    assert await gateway.readiness() == (503, READY | {"schemas": NOT_REGISTERED, "warm_up": "not done yet"})


@pytest.mark.usefixtures("impatient")
async def test_writes_with_the_schema_that_was_found_last(gateway: Any, until: Any) -> None:
    gateway.schemas.id = 2**31
    await looked_up_again(gateway, until)
    await gateway.post(BODY)
    [(_, _, record)] = gateway.producer.records
    assert record[:5] == b"\x00\x80\x00\x00\x00"
