from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from inference.app import build_app
from inference.latency import Latency
from prometheus_client import CollectorRegistry

CONTRACT = Path(__file__).parents[3] / "contracts" / "openapi" / "inference" / "v1.yaml"
FRAUD: dict[str, Any] = {
    "event_id": "e-1",
    "provider": "stripe",
    "merchant_id": "m-1",
    "event_type": "payment.succeeded",
    "status": "succeeded",
    "amount_cents": 5000,
    "currency": "USD",
    "occurred_at": "2025-03-01T12:00:00Z",
}
RETRY: dict[str, Any] = {
    "event_id": "e-1",
    "provider": "stripe",
    "merchant_id": "m-1",
    "failure_code": "insufficient_funds",
    "attempt_count": 1,
    "amount_cents": 5000,
    "currency": "USD",
    "failed_at": "2025-03-01T12:00:00Z",
}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(build_app(Latency(0, 0), CollectorRegistry()))
    async with httpx.AsyncClient(transport=transport, base_url="http://inference") as client:
        yield client


async def test_scores_a_payment(client: httpx.AsyncClient) -> None:
    answer = await client.post("/fraud/score", json=FRAUD)
    assert answer.status_code == 200
    assert answer.json() == {"score": 0.26, "risk_level": "low"}


async def test_advises_on_a_failed_payment(client: httpx.AsyncClient) -> None:
    answer = await client.post("/retry/strategy", json=RETRY)
    assert answer.status_code == 200
    assert answer.json() == {"should_retry": True, "delay_seconds": 86400, "max_attempts": 4}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({**FRAUD, "amount_cents": 0}, "amount_cents"),
        ({**FRAUD, "currency": "usd"}, "currency"),
        ({**FRAUD, "surprise": 1}, "surprise"),
        ({**FRAUD, "occurred_at": "2025-03-01T12:00:00"}, "occurred_at"),
        ({**FRAUD, "customer_history_flags": ["odd"]}, "customer_history_flags"),
        ([], "body"),
    ],
)
async def test_refuses_a_request_of_another_form_and_names_the_field(
    client: httpx.AsyncClient, body: object, words: str
) -> None:
    answer = await client.post("/fraud/score", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["detail"]


async def test_refuses_a_body_that_is_not_json_without_repeating_it(client: httpx.AsyncClient) -> None:
    answer = await client.post("/retry/strategy", content=b"{4242", headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert "4242" not in answer.text


async def test_tells_its_health_and_readiness(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "alive"}
    assert (await client.get("/readyz")).json() == {"status": "ready", "checks": {}}


async def test_counts_its_verdicts(client: httpx.AsyncClient) -> None:
    await client.post("/fraud/score", json=FRAUD)
    await client.post("/fraud/score", json={})
    text = (await client.get("/metrics")).text
    assert 'inference_answers_total{model="fraud",verdict="low"} 1.0' in text
    assert "inference_refusals_total 1.0" in text


async def test_takes_the_time_that_it_is_told_to() -> None:
    transport = httpx.ASGITransport(build_app(Latency(30, 30), CollectorRegistry()))
    async with httpx.AsyncClient(transport=transport, base_url="http://inference") as client:
        answer = await client.post("/fraud/score", json=FRAUD)
    assert answer.elapsed.total_seconds() >= 0.03


def comparable(node: Any) -> Any:
    """Bring both documents to one spelling: what FastAPI and a person write differently and mean alike."""
    if isinstance(node, list):
        return [comparable(item) for item in node]
    if isinstance(node, dict):
        plain = {key: comparable(value) for key, value in node.items()}
        return comparable_schema(plain) if SCHEMA_WORDS & plain.keys() else plain
    return node


SCHEMA_WORDS = {"type", "enum", "$ref", "anyOf", "properties", "items", "const"}
UNTOLD = ("title", "uniqueItems", "format")
"""A schema's title, which FastAPI makes up, and what the generated Python types do not say."""


def comparable_schema(schema: dict[str, Any]) -> dict[str, Any]:
    plain = {key: value for key, value in schema.items() if key not in UNTOLD or isinstance(value, dict)}
    null = {"type": "null"}
    if null in plain.get("anyOf", ()):
        (kind,) = (choice for choice in plain.pop("anyOf") if choice != null)
        plain |= {**kind, "type": [kind["type"], "null"]}
    if plain.get("default") == [] and isinstance(plain["type"], list):
        plain["type"] = "array"
    if "const" in plain:
        plain["type"] = "string"
    # For a property that may be left out, an absent default and null are one.
    return {key: value for key, value in plain.items() if (key, value) != ("default", None)}


def test_serves_the_openapi_document_of_its_contract() -> None:
    contract = comparable(yaml.safe_load(CONTRACT.read_text()))
    served = comparable(build_app(Latency(0, 0), CollectorRegistry()).openapi())
    assert served["info"] == contract["info"]
    assert served["components"]["schemas"] == contract["components"]["schemas"]
    assert served["paths"] == contract["paths"]
