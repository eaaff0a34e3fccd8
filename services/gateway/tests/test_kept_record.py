"""What is kept of a webhook: enough to tell again, at any time, that the provider sent it, and no more."""

import base64
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from gateway.signature import Authentic
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from payments_contracts.providers import PROVIDERS
from payments_contracts.topics import INGESTION_DLQ, raw_topic

STRIPE, SQUARE = PROVIDERS["stripe"], PROVIDERS["square"]
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
KEY = b"0123456789abcdef"
STRIPE_BODY = b'{"id":"evt_1","type":"t","created":1767607290,"account":"acct_9","data":{"object":{}}}'
SQUARE_BODY = b'{"event_id":"e","merchant_id":"M","type":"t","created_at":"2026-05-01T12:00:00Z","data":{"object":{}}}'
ANY_TIME = settings(
    deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)


def signed_by_stripe(body: bytes, at: datetime) -> list[tuple[str, str]]:
    timestamp = int(at.timestamp())
    mac = hmac.digest(KEY, b"%d." % timestamp + body, "sha256").hex()
    return [("Stripe-Signature", f"t={timestamp},v1={mac}")]


def signed_by_square(body: bytes) -> list[tuple[str, str]]:
    mac = hmac.digest(KEY, b"https://example.com/webhooks/square" + body, "sha256")
    return [("x-square-hmacsha256-signature", base64.b64encode(mac).decode())]


def last_record(gateway: Any) -> dict[str, Any]:
    """Return what was written last, and forget all that was written."""
    [record] = [
        record for topic in (raw_topic(gateway.provider.name), INGESTION_DLQ) for _, record in gateway.records(topic)
    ]
    gateway.producer.records.clear()
    return dict(record)


def verdict_on(gateway: Any, record: dict[str, Any]) -> Any:
    """Judge a webhook again, from its record alone."""
    header = record["headers"][gateway.provider.signature.header.lower()]
    return gateway.verifier.verify([header], record["payload"], record["received_at"].timestamp())


@pytest.mark.parametrize("body", [STRIPE_BODY, b"{"], ids=["event", "dead letter"])
@ANY_TIME
@given(st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1)), st.integers(-60, 299))  # noqa: DTZ001  # a zone is added
async def test_what_stripe_signed_verifies_again(gateway: Any, body: bytes, at: datetime, age: int) -> None:
    gateway.clock.now = at.replace(tzinfo=UTC)
    headers = signed_by_stripe(body, gateway.clock.now - timedelta(seconds=age))
    assert (await gateway.send(body, headers)).status_code in {200, 422}
    assert verdict_on(gateway, last_record(gateway)) == Authentic("unit", "merch_endpoint")


@pytest.mark.parametrize("edge", [timedelta(seconds=300), timedelta(seconds=-60)], ids=["oldest", "newest"])
@ANY_TIME
@given(st.integers(-2500, 2500), st.integers(0, 2**31))
async def test_what_stripe_signed_has_one_verdict_at_the_edge_of_the_tolerance(
    gateway: Any, edge: timedelta, microseconds: int, second: int
) -> None:
    at = NOW + timedelta(seconds=second)
    gateway.clock.now = at + edge + timedelta(microseconds=microseconds)
    if (await gateway.send(STRIPE_BODY, signed_by_stripe(STRIPE_BODY, at))).status_code == 401:
        assert gateway.producer.records == []
    else:
        assert verdict_on(gateway, last_record(gateway)) == Authentic("unit", "merch_endpoint")


@pytest.mark.parametrize(("microseconds", "status"), [(-1, 200), (0, 200), (999, 200), (2000, 401)])
async def test_time_counts_as_it_is_kept(gateway: Any, microseconds: int, status: int) -> None:
    headers = signed_by_stripe(STRIPE_BODY, NOW)
    gateway.clock.now = NOW + timedelta(seconds=300, microseconds=microseconds)
    assert (await gateway.send(STRIPE_BODY, headers)).status_code == status


@ANY_TIME
@given(st.integers(0, 10**6))
async def test_what_square_signed_verifies_again(square: Any, microseconds: int) -> None:
    square.clock.now = NOW + timedelta(microseconds=microseconds)
    assert (await square.send(SQUARE_BODY, signed_by_square(SQUARE_BODY))).status_code == 200
    assert verdict_on(square, last_record(square)) == Authentic("unit", "merch_endpoint")


@pytest.fixture
async def square(opened: Callable[..., Awaitable[Any]]) -> Any:
    return await opened(SQUARE)


@pytest.fixture
async def rolling(opened: Callable[..., Awaitable[Any]]) -> Any:
    """A gateway of which one secret's time ends at noon, and the other's begins."""
    secret = {"secret": KEY.decode(), "merchant_id": "m"}
    noon = NOW.isoformat()
    return await opened(
        SQUARE, secrets=[secret | {"id": "old", "not_after": noon}, secret | {"id": "new", "not_before": noon}]
    )


@ANY_TIME
@given(st.integers(-2500, 2500))
async def test_the_secret_whose_time_it_was_is_told_again(rolling: Any, microseconds: int) -> None:
    rolling.clock.now = NOW + timedelta(microseconds=microseconds)
    assert (await rolling.send(SQUARE_BODY, signed_by_square(SQUARE_BODY))).status_code == 200
    record = last_record(rolling)
    assert verdict_on(rolling, record).secret_id == ("old" if record["received_at"] < NOW else "new")


async def test_headers_that_the_contract_names_are_kept_and_no_others(gateway: Any) -> None:
    kept = [("Content-Type", "application/json"), ("USER-AGENT", "Stripe/1.0 (+https://stripe.com)")]
    others = [("Cookie", "private=1"), ("Authorization", "private"), ("X-Forwarded-For", "10.0.0.1"), ("Stripe", "x")]
    [signature] = signed_by_stripe(STRIPE_BODY, gateway.clock.now)
    await gateway.send(STRIPE_BODY, [*others, signature, *kept])
    assert last_record(gateway)["headers"] == {
        "stripe-signature": signature[1],
        "content-type": "application/json",
        "user-agent": "Stripe/1.0 (+https://stripe.com)",
    }


async def test_of_a_header_that_comes_more_than_once_the_first_is_kept(gateway: Any) -> None:
    repeated = [("Content-Type", "first"), ("content-type", "second"), ("CONTENT-TYPE", "third")]
    await gateway.send(STRIPE_BODY, [*repeated, *signed_by_stripe(STRIPE_BODY, gateway.clock.now)])
    assert last_record(gateway)["headers"]["content-type"] == "first"


async def test_a_contract_that_keeps_nothing_has_nothing_kept(opened: Callable[..., Awaitable[Any]]) -> None:
    silent = replace(STRIPE, envelope=replace(STRIPE.envelope, headers_kept=()))
    gateway = await opened(silent)
    await gateway.send(STRIPE_BODY, signed_by_stripe(STRIPE_BODY, gateway.clock.now))
    assert last_record(gateway)["headers"] == {}
