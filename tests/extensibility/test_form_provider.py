"""A provider whose bodies are forms is one folder of contracts, too; none that is shipped needs it."""

from __future__ import annotations

import hmac
import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.extensibility.test_third_provider import ROOT, run_codegen, through_the_front_door

FIXTURE = Path(__file__).resolve().parent / "quaggapay"
KEY = "quagga"
SECRETS = json.dumps([{"id": "quaggapay-test", "secret": KEY, "merchant_id": "merch_endpoint"}])
FIELDS = {
    "id": "evt_50192837z9",
    "event": "payment_success",
    "payload[time]": "1767607290",
    "payload[test]": "0",
    "payload[payment][id]": "pay_7730a1b2z9",
    "payload[payment][amount_in_cents]": "1250",
    "payload[payment][currency]": "EUR",
    "payload[payment][memo]": "50 % & mehr für Zoë",
}
GOOD = urlencode(FIELDS).encode()
# As other libraries write the same: in another order, with brackets as they are, and spaces as %20.
OTHERWISE = b"&".join(
    f"{name}={value.replace('%', '%25').replace('&', '%26').replace(' ', '%20')}".encode()
    for name, value in reversed(FIELDS.items())
)


def webhook(body: bytes, signed: bytes | None = None) -> dict[str, Any]:
    import base64  # noqa: PLC0415

    mac = hmac.digest(KEY.encode(), body if signed is None else signed, "sha256").hex()
    return {"headers": {"X-Quagga-Signature": mac}, "body": base64.b64encode(body).decode()}


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("forms") / "contracts"
    shutil.copytree(ROOT / "contracts", folder)
    shutil.copytree(FIXTURE, folder, dirs_exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def report(contracts: Path) -> dict[str, Any]:
    generated = contracts.parent / "generated"
    finished = run_codegen("generate", "--contracts", str(contracts), "--generated", str(generated))
    assert finished.returncode == 0, finished.stderr
    bodies = [
        GOOD,
        OTHERWISE,
        GOOD + b"&id=evt_2",
        GOOD + b"&a%zz=1",
        GOOD + b"&a=%ff",
        GOOD + b"&payload[payment][id][x]=1",
        GOOD + b"&a[1]=x",
        GOOD + b"&a[b=x",
        GOOD + b"&a" * 100,
        GOOD + b"&a[b][c][d][e][f]=1",
        b'{"id":"evt_1"}',
        b"&&&",
        b"x" * 65_537,
    ]
    sent = [webhook(body) for body in bodies]
    sent.append(webhook(GOOD.replace(b"1250", b"1251"), GOOD))
    # The same fields, but not the same bytes.
    sent.append(webhook(OTHERWISE, GOOD))
    return through_the_front_door("quaggapay", generated, SECRETS, sent)


def test_the_contracts_keep_all_rules_with_the_provider(contracts: Path) -> None:
    finished = run_codegen("lint", "--contracts", str(contracts))
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("index", [0, 1])
def test_the_bytes_are_kept_as_they_came_and_become_the_unified_event(report: dict[str, Any], index: int) -> None:
    sent = report["sent"][index]
    assert sent["status"] == 200
    [written] = sent["written"]
    assert written["record"]["payload"] == str((GOOD, OTHERWISE)[index])
    [outcome] = sent["outcomes"]
    event = outcome["event"]
    assert (event["amount_cents"], event["livemode"], event["provider_created_at"]) == (
        1250,
        True,
        "2026-01-05 10:01:30+00:00",
    )
    assert event["failure_message"] == FIELDS["payload[payment][memo]"]


@pytest.mark.parametrize(
    ("index", "status", "reason"),
    [
        (2, 422, "not_form"),
        (3, 422, "not_form"),
        (4, 422, "not_utf8"),
        (5, 422, "not_form"),
        (6, 422, "not_form"),
        (7, 422, "not_form"),
        (8, 422, "form_too_complex"),
        (9, 422, "form_too_complex"),
        (10, 422, "field_missing"),
        (11, 422, "field_missing"),
        (12, 413, "body_too_large"),
        (13, 401, "signature_mismatch"),
        (14, 401, "signature_mismatch"),
    ],
)
def test_what_is_no_such_form_is_refused_with_its_reason(
    report: dict[str, Any], index: int, status: int, reason: str
) -> None:
    sent = report["sent"][index]
    assert (sent["status"], sent["answer"]["reason_code"]) == (status, reason)
    assert len(sent["written"]) == (1 if status == 422 else 0)


def test_the_simulator_sends_its_webhooks_and_each_is_answered_as_it_has_to_be(report: dict[str, Any]) -> None:
    assert report["simulated"] == {"answered": 200, "contradictions": []}


def test_the_gateway_serves_a_form(report: dict[str, Any]) -> None:
    body = report["openapi"]["/webhooks/quaggapay"]["post"]["requestBody"]
    assert list(body["content"]) == ["application/x-www-form-urlencoded"]


def test_try_tells_what_becomes_of_a_form_as_it_was_caught(contracts: Path, tmp_path: Path) -> None:
    caught = tmp_path / "caught.txt"
    caught.write_bytes(OTHERWISE)
    told = run_codegen("try", "quaggapay", str(caught), "--contracts", str(contracts))
    assert told.returncode == 0, told.stderr
    assert "payment.succeeded" in told.stdout
    caught.write_bytes(GOOD + b"&id=evt_2")
    assert "not_form" in run_codegen("try", "quaggapay", str(caught), "--contracts", str(contracts)).stdout
