"""The gateway from its HTTP side: what it answers, and what it writes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from kit.errors import Fault, Transient
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
LIMIT = 524288


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
        (b"", "not_json"),
        (b"\xff\xfe", "not_utf8"),
        (b"[]", "not_object"),
        (orjson.dumps(EVENT | {"id": None}), "field_missing"),
        (orjson.dumps(EVENT | {"created": "now"}), "field_type"),
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


@pytest.mark.parametrize("text", ["\x00", "\U0001f600", "\u2028", "k" * 300_000])
async def test_strange_texts_are_carried_on(gateway: Any, text: str) -> None:
    body = orjson.dumps(EVENT | {"id": text, "account": text[:100]})
    assert (await gateway.post(body)).status_code == 200
    assert gateway.records(STRIPE_RAW)[0][0] == text[:100].encode()


async def test_a_forgery_is_refused_counted_and_kept_nowhere(gateway: Any, sign: Any) -> None:
    answer = await gateway.post(BODY, Stripe_Signature=sign(BODY, "whsec_other"))
    assert answer.status_code == 401
    assert Problem.model_validate_json(answer.content).reason_code.root == "signature_mismatch"
    assert gateway.producer.records == []
    assert gateway.count("forged", "signature_mismatch") == 1


async def test_a_malformed_forgery_is_a_forgery(gateway: Any) -> None:
    answer = await gateway.post(b"{", Stripe_Signature="t=1,v1=00")
    assert answer.status_code == 401
    assert gateway.producer.records == []


async def test_a_webhook_without_signature_is_refused(gateway: Any) -> None:
    answer = await gateway.client.post("/webhooks/stripe", content=BODY)
    assert (answer.status_code, answer.json()["reason_code"]) == (401, "signature_missing")


async def test_a_replay_is_refused(gateway: Any, sign: Any, now: datetime) -> None:
    answer = await gateway.post(BODY, Stripe_Signature=sign(BODY, at=now - timedelta(seconds=400)))
    assert (answer.status_code, answer.json()["reason_code"]) == (401, "signature_expired")


async def test_a_signature_header_beyond_latin_letters_is_refused(gateway: Any) -> None:
    answer = await gateway.client.post(
        "/webhooks/stripe", content=BODY, headers={b"Stripe-Signature": b"t=1,v1=\xff\xfe"}
    )
    assert answer.status_code == 401


async def test_a_body_of_just_the_limit_is_read(gateway: Any) -> None:
    body = BODY + b" " * (LIMIT - len(BODY))
    assert (await gateway.post(body)).status_code == 200


async def test_a_body_over_the_limit_is_refused(gateway: Any) -> None:
    answer = await gateway.post(BODY + b" " * (LIMIT - len(BODY) + 1))
    assert (answer.status_code, answer.json()["reason_code"]) == (413, "body_too_large")
    assert gateway.producer.records == []
    assert gateway.count("refused", "body_too_large") == 1


async def test_no_more_than_the_limit_is_read_of_a_body_without_length(gateway: Any) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100 * LIMIT:
            sent += LIMIT // 2
            yield b" " * (LIMIT // 2)

    answer = await gateway.client.post("/webhooks/stripe", content=endless())
    assert answer.status_code == 413
    assert sent <= 3 * LIMIT


@pytest.mark.parametrize("length", ["9" * 20, "9" * 5000])
async def test_an_absurd_length_is_refused(gateway: Any, length: str) -> None:
    answer = await gateway.client.post("/webhooks/stripe", content=b"{}", headers={"Content-Length": length})
    assert answer.status_code == 413


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
    async with cold.app.router.lifespan_context(cold.app):
        await asyncio.sleep(0.05)
        assert (await cold.client.get("/readyz")).json()["checks"]["kafka"] == "away"
        cold.producer.trouble = None
        await until(lambda: cold.producer.check() is None)
        assert (await cold.client.get("/readyz")).status_code == 200


async def test_asks_to_be_stopped_when_a_topic_is_missing(cold: Any, until: Any) -> None:
    cold.producer.trouble = Fault("The topic does not exist.")
    async with cold.app.router.lifespan_context(cold.app):
        await until(lambda: bool(cold.faults))


async def test_closes_the_producer_and_takes_nothing_more_at_the_end(cold: Any, until: Any) -> None:
    async with cold.app.router.lifespan_context(cold.app):
        await until(lambda: cold.producer.check() is None)
    assert cold.producer.is_closed
    assert (await cold.post(BODY)).json()["reason_code"] == "not_ready"


async def test_is_ready_once_warm(gateway: Any) -> None:
    answer = await gateway.client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")


async def test_metrics_tell_the_secret_by_its_id_and_hold_nothing_of_the_payload(gateway: Any) -> None:
    await gateway.post(BODY)
    text = (await gateway.client.get("/metrics")).text
    assert 'gateway_secret_uses_total{provider="stripe",secret_id="unit"} 1.0' in text
    assert 'gateway_acknowledgement_seconds_count{provider="stripe"} 1.0' in text
    assert "evt_1" not in text
    assert "acct_9" not in text


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/webhooks/stripe", 405), ("POST", "/webhooks/x", 404)])
async def test_what_is_not_there_is_a_problem_too(gateway: Any, method: str, path: str, status: int) -> None:
    answer = await gateway.client.request(method, path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")


async def test_a_sender_that_hangs_up_is_no_error(gateway: Any) -> None:
    async def hang_up() -> dict[str, str]:
        return {"type": "http.disconnect"}

    answers: list[Any] = []

    async def take(message: Any) -> None:
        answers.append(message)

    scope = {"type": "http", "method": "POST", "path": "/webhooks/stripe", "headers": [], "query_string": b""}
    await gateway.app(scope, hang_up, take)
    assert answers[0]["status"] == 400
    assert gateway.count("refused", "disconnected") == 1
