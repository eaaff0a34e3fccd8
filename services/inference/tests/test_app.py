import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from inference.app import build_app
from inference.latency import Latency
from payments_contracts.inference import Problem
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
    "failure_category": "insufficient_funds",
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
    assert answer.json() == {
        "should_retry": True,
        "delay_seconds": 86400,
        "max_attempts": 4,
        "action": "retry",
        "reason": "Money comes to an account in days, not in minutes.",
    }


async def test_a_request_of_an_earlier_orchestrator_without_a_category_gets_no_retry(client: httpx.AsyncClient) -> None:
    earlier = {key: value for key, value in RETRY.items() if key != "failure_category"}
    answer = await client.post("/retry/strategy", json={**earlier, "failure_code": "insufficient_funds"})
    assert (answer.json()["should_retry"], answer.json()["action"]) == (False, "stop")


async def test_counts_what_it_advises(client: httpx.AsyncClient) -> None:
    for category in ("insufficient_funds", "expired_card", "unknown"):
        await client.post("/retry/strategy", json={**RETRY, "failure_category": category})
    text = (await client.get("/metrics")).text
    for action in ("retry", "new_method", "stop"):
        assert f'inference_answers_total{{model="retry",verdict="{action}"}} 1.0' in text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({**FRAUD, "amount_cents": -1}, "amount_cents"),
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


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/xml", "application/x-www-form-urlencoded"])
async def test_refuses_what_does_not_come_as_json(client: httpx.AsyncClient, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = await client.post("/fraud/score", content=json.dumps(FRAUD), headers=headers)
    assert answer.status_code == 422
    assert "application/json" in answer.json()["detail"]


async def test_takes_json_whose_media_type_has_parameters(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert (await client.post("/fraud/score", content=json.dumps(FRAUD), headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"{4242",
        b'{"a":"\xe9"}',
        b"\x1f\x8b\x08\x00",
        b"[" * 2000 + b"]" * 2000,
        b"",
        json.dumps(FRAUD).encode("utf-16"),
    ],
)
async def test_answers_a_body_that_is_not_json_as_the_contract_says(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/fraud/score", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = Problem.model_validate_json(answer.content)
    assert problem.detail == (
        "The request does not have the form of its contract: body: It should be JSON (RFC 8259), "
        "nested no deeper than 1024."
    )


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999-23:00"]
)
async def test_takes_the_first_and_last_moments_of_the_calendar(client: httpx.AsyncClient, moment: str) -> None:
    assert (await client.post("/fraud/score", json={**FRAUD, "occurred_at": moment})).status_code == 200
    assert (await client.post("/retry/strategy", json={**RETRY, "failed_at": moment})).status_code == 200


async def test_a_sender_that_hangs_up_is_not_an_error() -> None:
    async def hang_up() -> dict[str, str]:
        return {"type": "http.disconnect"}

    answers: list[Any] = []

    async def take(message: Any) -> None:
        answers.append(message)

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/fraud/score", "headers": headers, "query_string": b""}
    await build_app(Latency(0, 0), CollectorRegistry())(scope, hang_up, take)
    assert answers[0]["status"] == 400


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
    if None in plain.get("enum", ()):
        plain["enum"] = [choice for choice in plain["enum"] if choice is not None]
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


async def test_the_documentation_shows_what_a_body_holds(client: httpx.AsyncClient) -> None:
    assert "/openapi.json" in (await client.get("/docs")).text
    document = (await client.get("/openapi.json")).json()
    for path, model in (("/fraud/score", "FraudScoreRequest"), ("/retry/strategy", "RetryStrategyRequest")):
        schema = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": f"#/components/schemas/{model}"}
        assert document["components"]["schemas"][model]["properties"]["amount_cents"]["type"] == "integer"
