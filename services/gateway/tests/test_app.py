"""The gateway from its HTTP side: what it answers, and what it writes."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from payments_contracts.gateway import Accepted, Problem
from payments_contracts.identity import event_id, malformed_event_id
from payments_contracts.topics import INGESTION_DLQ, STRIPE_RAW

EVENT: dict[str, Any] = {
    "id": "evt_1",
    "type": "payment_intent.succeeded",
    "created": 1_767_607_290,
    "account": "acct_9",
    "data": {"object": {}},
}
# Spaces that no serializer would write again.
BODY = orjson.dumps(EVENT).replace(b",", b" ,  ")
EVENT_ID = event_id("stripe", "acct_9", "evt_1")


async def test_answers_an_event_with_its_id(gateway: Any) -> None:
    answer = await gateway.post(BODY)
    assert answer.status_code == 200
    assert str(Accepted.model_validate_json(answer.content).event_id) == EVENT_ID


async def test_writes_an_event_once_byte_for_byte_under_its_merchant(gateway: Any, sign: Any, now: datetime) -> None:
    await gateway.post(BODY, User_Agent="Stripe/1.0", Cookie="private=1", Authorization="private")
    assert gateway.records(STRIPE_RAW) == [
        (
            b"acct_9",
            {
                "event_id": EVENT_ID,
                "provider": "stripe",
                "provider_event_id": "evt_1",
                "provider_event_type": "payment_intent.succeeded",
                "merchant_id": "acct_9",
                "api_version": None,
                "headers": {
                    "stripe-signature": sign(BODY),
                    "content-type": "application/json",
                    "user-agent": "Stripe/1.0",
                },
                "payload": BODY,
                "provider_created_at": datetime.fromtimestamp(1_767_607_290, UTC),
                "received_at": now,
                "schema_version": STRIPE_RAW.version,
                "livemode": True,
            },
        )
    ]
    assert gateway.records(INGESTION_DLQ) == []


async def test_the_same_event_sent_twice_has_the_same_id_and_key(gateway: Any) -> None:
    first, second = await asyncio.gather(gateway.post(BODY), gateway.post(BODY))
    assert first.json() == second.json()
    assert len({(key, record["event_id"]) for key, record in gateway.records(STRIPE_RAW)}) == 1


async def test_does_not_answer_before_the_acknowledgement(gateway: Any) -> None:
    gateway.producer.acknowledging.clear()
    answer = asyncio.ensure_future(gateway.post(BODY))
    done, _ = await asyncio.wait([answer], timeout=0.1)
    assert not done
    gateway.producer.acknowledging.set()
    assert (await answer).status_code == 200


async def test_a_malformed_body_becomes_one_dead_letter(gateway: Any, sign: Any, now: datetime) -> None:
    body = b'{"id":"evt_1","type":'
    answer = await gateway.post(body, User_Agent="Stripe/1.0")
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = Problem.model_validate_json(answer.content)
    assert (problem.reason_code.root, str(problem.event_id)) == ("not_json", malformed_event_id(body))
    assert gateway.records(STRIPE_RAW) == []
    assert gateway.records(INGESTION_DLQ) == [
        (
            malformed_event_id(body).encode(),
            {
                "event_id": malformed_event_id(body),
                "provider": "stripe",
                "merchant_id": "merch_endpoint",
                "stage": "decode",
                "reason_code": "not_json",
                "reason": problem.detail,
                "headers": {
                    "stripe-signature": sign(body),
                    "content-type": "application/json",
                    "user-agent": "Stripe/1.0",
                },
                "payload": body,
                "received_at": now,
                "schema_version": INGESTION_DLQ.version,
            },
        )
    ]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\xff\xfe", "not_utf8"),
        (b"[]", "not_object"),
        (orjson.dumps(EVENT | {"id": None}), "field_missing"),
        (orjson.dumps(EVENT | {"created": True}), "field_type"),
        (b"[" * 100_000, "not_json"),
        (orjson.dumps(EVENT).replace(b"evt_1", b"\\ud800"), "not_json"),
        (orjson.dumps(EVENT).replace(b"1767607290", b"NaN"), "not_json"),
        (orjson.dumps(EVENT).replace(b"1767607290", b"9" * 400), "not_json"),
    ],
)
async def test_bad_input_is_the_senders_fault_and_says_why(gateway: Any, body: bytes, reason: str) -> None:
    answer = await gateway.post(body)
    assert (answer.status_code, answer.json()["reason_code"]) == (422, reason)
    assert len(gateway.records(INGESTION_DLQ)) == 1
    assert gateway.count("malformed", reason) == 1


@pytest.mark.parametrize("created", [10**18, -(10**18), 253_402_300_799])
async def test_a_strange_time_is_carried_on_for_the_normalizer_to_judge(gateway: Any, created: int) -> None:
    assert (await gateway.post(orjson.dumps(EVENT | {"created": created}))).status_code == 200
    assert gateway.records(STRIPE_RAW)[0][1]["payload"] == orjson.dumps(EVENT | {"created": created})


@pytest.mark.parametrize("text", ["\x00", "\U0001f600", "\u2028", "k" * 255])
async def test_strange_texts_are_carried_on(gateway: Any, text: str) -> None:
    body = orjson.dumps(EVENT | {"id": text, "account": f"acct_{text[:100]}"})
    assert (await gateway.post(body)).status_code == 200
    assert gateway.records(STRIPE_RAW)[0][0] == f"acct_{text[:100]}".encode()


@pytest.mark.parametrize("event_type", ["something.brand_new", "🦄", "a" * 255])
async def test_an_event_type_that_nobody_knows_is_accepted_and_kept(gateway: Any, event_type: str) -> None:
    body = orjson.dumps(EVENT | {"type": event_type})
    assert (await gateway.post(body)).status_code == 200
    [(_, record)] = gateway.records(STRIPE_RAW)
    assert (record["provider_event_type"], record["payload"]) == (event_type, body)


@pytest.mark.parametrize("api_version", ["2026-01-28.clover", "2199-12-31.unheard-of", "v3"])
async def test_an_api_version_that_nobody_knows_is_accepted_and_kept(gateway: Any, api_version: str) -> None:
    body = orjson.dumps(EVENT | {"api_version": api_version})
    assert (await gateway.post(body)).status_code == 200
    [(_, record)] = gateway.records(STRIPE_RAW)
    assert (record["api_version"], record["payload"]) == (api_version, body)


@pytest.mark.parametrize("query", ["?", "?a=1&b=%20"])
async def test_a_query_makes_no_difference(gateway: Any, sign: Any, query: str) -> None:
    answer = await gateway.client.post(
        f"/webhooks/stripe{query}", content=BODY, headers={"Stripe-Signature": sign(BODY)}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/webhooks/stripe", 405), ("POST", "/webhooks/x", 404)],
)
async def test_what_is_not_there_is_a_problem_too(gateway: Any, method: str, path: str, status: int) -> None:
    answer = await gateway.client.request(method, path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")


@pytest.mark.parametrize(
    "path", ["/webhooks/stripe/", "/webhooks/stripe?from=stripe", "/webhooks/%73tripe", "/webhooks/stripe/?"]
)
async def test_a_path_may_be_written_in_several_ways(gateway: Any, sign: Any, path: str) -> None:
    body = orjson.dumps(EVENT)
    answer = await gateway.client.post(path, content=body, headers={"Stripe-Signature": sign(body)})
    assert answer.status_code == 200
    assert len(gateway.records(STRIPE_RAW)) == gateway.count("accepted") == 1


@pytest.mark.parametrize("path", ["/webhooks/stripe//", "/webhooks", "/healthz/"])
async def test_another_path_is_not_there_and_nobody_is_sent_elsewhere(gateway: Any, path: str) -> None:
    answer = await gateway.client.post(path, content=b"{}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")


async def test_who_does_not_post_is_told_to(gateway: Any) -> None:
    for method in ("GET", "PUT", "DELETE", "OPTIONS", "PATCH"):
        answer = await gateway.client.request(method, "/webhooks/stripe")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
