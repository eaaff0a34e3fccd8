"""Square's webhooks, from its contract alone: what its gateway answers and writes."""

import base64
import hmac
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import fastavro
import httpx
import orjson
import pytest
from fastapi import FastAPI
from kit.kafka.testing import MemoryProducer
from payments_contracts.examples import EXAMPLES, Example
from payments_contracts.identity import event_id
from payments_contracts.providers import PROVIDERS, Provider
from payments_contracts.schemas import schema
from payments_contracts.topics import INGESTION_DLQ, SQUARE_RAW

SQUARE = PROVIDERS["square"]
KEY = b"0123456789abcdef"
URL = b"https://example.com/webhooks/square"
OWN = [example for example in EXAMPLES if example.provider == "square"]
ACCEPTED = next(example for example in OWN if example.kind == "accepted")


def signature(body: bytes, url: bytes = URL, key: bytes = KEY) -> str:
    """Sign as https://developer.squareup.com/docs/webhooks/step3validate has it."""
    return base64.b64encode(hmac.digest(key, url + body, "sha256")).decode()


@pytest.fixture
async def producer() -> MemoryProducer:
    return MemoryProducer([SQUARE_RAW.name, INGESTION_DLQ.name])


@pytest.fixture
async def client(
    app_of: Callable[[Provider], FastAPI],
    producer: MemoryProducer,
    until: Callable[[Callable[[], bool]], Awaitable[None]],
) -> AsyncIterator[httpx.AsyncClient]:
    app = app_of(SQUARE)
    async with app.router.lifespan_context(app):
        await until(lambda: producer.check() is None)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as opened:
            yield opened


async def post(client: httpx.AsyncClient, body: bytes, signed: str) -> httpx.Response:
    headers = {"x-square-hmacsha256-signature": signed, "square-retry-number": "1"}
    return await client.post("/webhooks/square", content=body, headers=headers)


@pytest.mark.parametrize("example", OWN, ids=lambda example: example.name)
async def test_every_example_of_the_contracts_is_answered_as_it_says(
    client: httpx.AsyncClient, producer: MemoryProducer, example: Example
) -> None:
    answer = await post(client, example.body, signature(example.body))
    [(topic, _, _)] = producer.records
    if example.kind == "malformed":
        assert (answer.status_code, topic) == (422, INGESTION_DLQ.name)
        assert (answer.json()["reason_code"],) == example.reason_codes
    else:
        assert (answer.status_code, topic) == (200, SQUARE_RAW.name)


async def test_an_event_is_written_under_its_merchant_with_its_id_and_time(
    client: httpx.AsyncClient, producer: MemoryProducer
) -> None:
    body = ACCEPTED.body
    content = orjson.loads(body)
    await post(client, body, signature(body))
    [(_, key, value)] = producer.records
    parsed = fastavro.parse_schema(orjson.loads(schema(SQUARE_RAW.record, SQUARE_RAW.version)))
    record: Any = fastavro.schemaless_reader(io.BytesIO(value[5:]), parsed, None)
    assert key.decode() == record["merchant_id"] == content["merchant_id"]
    assert record["event_id"] == event_id("square", content["merchant_id"], content["event_id"])
    assert record["payload"] == body
    assert str(record["provider_created_at"])[:19] == content["created_at"][:19].replace("T", " ")
    assert record["headers"]["x-square-hmacsha256-signature"] == signature(body)
    assert record["headers"]["square-retry-number"] == "1"


@pytest.mark.parametrize(
    "forged",
    [
        signature(ACCEPTED.body, key=b"another"),
        signature(ACCEPTED.body, url=b"https://example.com/webhooks/square/"),
        signature(ACCEPTED.body, url=b""),
        signature(ACCEPTED.body + b" "),
    ],
)
async def test_a_forgery_is_refused_and_kept_nowhere(
    client: httpx.AsyncClient, producer: MemoryProducer, forged: str
) -> None:
    answer = await post(client, ACCEPTED.body, forged)
    assert (answer.status_code, answer.json()["reason_code"]) == (401, "signature_mismatch")
    assert producer.records == []
