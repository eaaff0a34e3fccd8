"""Square's webhooks, from its contract alone: what its gateway answers and writes."""

import base64
import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from payments_contracts.examples import EXAMPLES, Example
from payments_contracts.gateway import Problem
from payments_contracts.identity import event_id
from payments_contracts.providers import PROVIDERS
from payments_contracts.topics import INGESTION_DLQ, SQUARE_RAW
from structlog.testing import capture_logs

SQUARE = PROVIDERS["square"]
KEY = b"0123456789abcdef"
URL = b"https://example.com/webhooks/square"
OWN = [example for example in EXAMPLES if example.provider == "square"]
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
AFTER = timedelta(minutes=1)
OLDEST = timedelta(seconds=262_800)
ACCEPTED = next(example for example in OWN if example.kind == "accepted")


def signature(body: bytes, url: bytes = URL, key: bytes = KEY) -> str:
    """Sign as https://developer.squareup.com/docs/webhooks/step3validate has it."""
    return base64.b64encode(hmac.digest(key, url + body, "sha256")).decode()


@pytest.fixture
async def gateway(opened: Callable[..., Awaitable[Any]]) -> Any:
    return await opened(SQUARE)


def created_at(body: bytes) -> datetime | None:
    """Return when an event happened, None where a body does not say it."""
    try:
        return datetime.fromisoformat(orjson.loads(body)["created_at"])
    except (ValueError, TypeError, KeyError):
        return None


async def post(gateway: Any, body: bytes, signed: str | None = None, *, after: timedelta = AFTER) -> Any:
    """Send a body, at a time after its own; signed as Square does it, unless a signature is given."""
    gateway.clock.now = (created_at(body) or NOW) + after
    signed = signature(body) if signed is None else signed
    return await gateway.send(body, [("x-square-hmacsha256-signature", signed), ("square-retry-number", "1")])


@pytest.mark.parametrize("example", OWN, ids=lambda example: example.name)
async def test_every_example_of_the_contracts_is_answered_as_it_says(gateway: Any, example: Example) -> None:
    answer = await post(gateway, example.body)
    [(topic, _, _)] = gateway.producer.records
    if example.kind == "malformed":
        assert (answer.status_code, topic) == (422, INGESTION_DLQ.name)
        assert (answer.json()["reason_code"],) == example.reason_codes
    else:
        assert (answer.status_code, topic) == (200, SQUARE_RAW.name)


async def test_an_event_is_written_under_its_merchant_with_its_id_and_time(gateway: Any) -> None:
    body = ACCEPTED.body
    content = orjson.loads(body)
    await post(gateway, body)
    [(key, record)] = gateway.records(SQUARE_RAW)
    assert key.decode() == record["merchant_id"] == content["merchant_id"]
    assert record["event_id"] == event_id("square", content["merchant_id"], content["event_id"])
    assert record["payload"] == body
    assert str(record["provider_created_at"])[:19] == content["created_at"][:19].replace("T", " ")
    assert record["headers"] == {"x-square-hmacsha256-signature": signature(body), "square-retry-number": "1"} | {
        name: gateway.client.headers[name] for name in ("user-agent",)
    }


@pytest.mark.parametrize(
    "forged",
    [
        signature(ACCEPTED.body, key=b"another"),
        signature(ACCEPTED.body, url=b"https://example.com/webhooks/square/"),
        signature(ACCEPTED.body, url=b""),
        signature(ACCEPTED.body + b" "),
    ],
)
async def test_a_forgery_is_refused_and_kept_nowhere(gateway: Any, forged: str) -> None:
    answer = await post(gateway, ACCEPTED.body, forged)
    assert (answer.status_code, answer.json()["reason_code"]) == (401, "signature_mismatch")
    assert gateway.producer.records == []


@pytest.mark.parametrize("after", [-timedelta(days=365), timedelta(0), OLDEST])
async def test_an_event_is_accepted_until_it_is_too_old(gateway: Any, after: timedelta) -> None:
    assert (await post(gateway, ACCEPTED.body, after=after)).status_code == 200


@pytest.mark.parametrize("after", [OLDEST + timedelta(milliseconds=2), timedelta(days=3650)])
async def test_an_event_that_is_too_old_is_refused_and_kept_nowhere(gateway: Any, after: timedelta) -> None:
    answer = await post(gateway, ACCEPTED.body, after=after)
    assert answer.status_code == 403
    assert Problem.model_validate_json(answer.content).reason_code.root == "event_too_old"
    assert gateway.producer.records == []
    assert gateway.count("refused", "event_too_old") == 1
    assert gateway.count("forged", "signature_expired") == 0


async def test_old_events_are_logged_apart_from_forgeries(gateway: Any) -> None:
    with capture_logs() as lines:
        await post(gateway, ACCEPTED.body, after=timedelta(days=3650))
        await post(gateway, ACCEPTED.body, "forged")
    told = [(line["event"], line["reason"], line["log_level"]) for line in lines]
    assert told == [
        ("event_too_old", "event_too_old", "warning"),
        ("forged_webhook", "signature_mismatch", "warning"),
    ]


async def test_an_old_event_is_taken_while_replays_are_allowed(opened: Callable[..., Awaitable[Any]]) -> None:
    happened = created_at(ACCEPTED.body)
    assert happened is not None
    gateway = await opened(SQUARE, replay_until=(happened + timedelta(days=30)).timestamp())
    answers = [await post(gateway, ACCEPTED.body, after=timedelta(days=days)) for days in (29, 30)]
    assert [answer.status_code for answer in answers] == [200, 403]
    assert len(gateway.records(SQUARE_RAW)) == 1


@pytest.mark.parametrize("created", ["soon", "2026-13-40T00:00:00Z", "1969-12-31T23:59:59Z", "+123456-01-01T00:00:00Z"])
async def test_an_event_is_accepted_where_its_time_cannot_be_read(gateway: Any, created: str) -> None:
    body = orjson.dumps(orjson.loads(ACCEPTED.body) | {"created_at": created})
    answer = await gateway.send(body, [("x-square-hmacsha256-signature", signature(body))])
    assert answer.status_code == 200
    [(_, record)] = gateway.records(SQUARE_RAW)
    assert (record["provider_created_at"], record["payload"]) == (None, body)


async def test_what_is_malformed_is_a_dead_letter_however_old_it_is(gateway: Any) -> None:
    body = orjson.dumps(orjson.loads(ACCEPTED.body) | {"event_id": None})
    assert (await post(gateway, body, after=timedelta(days=3650))).status_code == 422
    assert len(gateway.records(INGESTION_DLQ)) == 1


async def test_a_forgery_learns_nothing_of_its_age(gateway: Any) -> None:
    answer = await post(gateway, ACCEPTED.body, signature(ACCEPTED.body, key=b"another"), after=timedelta(days=3650))
    assert answer.json()["reason_code"] == "signature_mismatch"
