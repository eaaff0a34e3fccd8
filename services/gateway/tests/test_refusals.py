"""What the gateway refuses, and keeps nothing of."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from payments_contracts.gateway import Problem
from structlog.testing import capture_logs

BODY = b'{"id":"evt_1","type":"payment_intent.succeeded","created":1767607290,"account":"acct_9","data":{"object":{}}}'
LIMIT = 524288


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


@pytest.mark.parametrize("length", ["524289", "9" * 20, "9" * 5000])
def test_a_length_that_is_too_much_is_refused_before_the_body(gateway: Any, length: str) -> None:
    found: list[Any] = []
    assert gateway.reception.begin([(b"content-length", f"{length} ".encode())], found.append) is None
    [answer] = found
    assert (answer.status, gateway.count("refused", "body_too_large")) == (413, 1)


@pytest.mark.parametrize("blanks", [" ", "\t", " \t "])
def test_blanks_around_a_header_are_not_part_of_it(gateway: Any, blanks: str) -> None:
    found: list[Any] = []
    names = {name.encode(): f"{blanks}t=1,v1=2{blanks}".encode() for name in ("stripe-signature", "user-agent")}
    webhook = gateway.reception.begin(names.items(), found.append)
    assert (webhook.signatures, webhook.headers) == (
        ["t=1,v1=2"],
        {"stripe-signature": "t=1,v1=2", "user-agent": "t=1,v1=2"},
    )
    gateway.reception.abandon(webhook, "disconnected")
    assert found == []


async def test_an_empty_body_is_a_forgery_however_it_is_signed(gateway: Any) -> None:
    answer = await gateway.post(b"")
    assert (answer.status_code, answer.json()["reason_code"]) == (401, "signature_mismatch")
    assert gateway.producer.records == []


async def test_a_signature_that_comes_twice_is_refused(gateway: Any, sign: Any) -> None:
    answer = await gateway.send(BODY, [("Stripe-Signature", sign(BODY)), ("stripe-signature", sign(BODY))])
    assert (answer.status_code, answer.json()["reason_code"]) == (401, "signature_malformed")
    assert gateway.producer.records == []


async def test_forgeries_are_lines_of_one_kind_so_that_a_flood_of_them_is_none_of_logs(gateway: Any) -> None:
    # How many of a kind are shown is kit's; the metric counts all.
    with capture_logs() as lines:
        for _ in range(200):
            await gateway.post(BODY, Stripe_Signature="t=1,v1=00")
    assert {line.pop("reason") for line in lines} == {"signature_mismatch"}
    assert lines == [{"event": "forged_webhook", "log_level": "warning"}] * 200
    assert gateway.count("forged", "signature_mismatch") == 200
