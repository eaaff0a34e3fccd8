"""Bodies that hold several events, each with a signature of its own: all of them are taken, or none."""

import base64
import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from gateway.carried import Carried
from gateway.items import split
from gateway.secrets import EndpointSecret
from gateway.signature import Authentic, verifier
from kit.errors import Transient
from payments_contracts.identity import event_id
from payments_contracts.providers import PROVIDERS
from payments_contracts.topics import INGESTION_DLQ, raw_topic

ADYEN = PROVIDERS["adyen"]
RAW = raw_topic("adyen")
KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
OTHER = "00" * 32
SECRETS = [
    {"id": "live", "secret": KEY, "merchant_id": "merch_endpoint"},
    {"id": "next", "secret": OTHER, "merchant_id": "merch_endpoint"},
]
NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


def item(reference: str, key: str = KEY, **changes: Any) -> dict[str, Any]:
    """Return an item that is signed as Adyen documents it, its fields written out by hand."""
    made: dict[str, Any] = {
        "pspReference": reference,
        "merchantAccountCode": "TestMerchant",
        "merchantReference": "TestPayment-1407325143704",
        "amount": {"value": 1130, "currency": "EUR"},
        "eventCode": "AUTHORISATION",
        "success": "true",
        "eventDate": "2026-05-01T13:59:00+02:00",
        **changes,
    }
    signed = ":".join(
        (
            made["pspReference"],
            made.get("originalReference") or "",
            made["merchantAccountCode"],
            made["merchantReference"],
            str(made["amount"]["value"]),
            made["amount"]["currency"],
            made["eventCode"],
            made["success"],
        )
    )
    mac = base64.b64encode(hmac.digest(bytes.fromhex(key), signed.encode(), "sha256")).decode()
    return {"NotificationRequestItem": {**made, "additionalData": {"hmacSignature": mac}}}


def body(*items: object) -> bytes:
    return orjson.dumps({"live": "false", "notificationItems": items})


@pytest.fixture
async def adyen(opened: Callable[..., Awaitable[Any]]) -> Any:
    """Adyen's gateway, ready."""
    return await opened(ADYEN, secrets=SECRETS)


def test_the_signature_is_the_one_that_adyens_libraries_are_tested_with() -> None:
    documented = "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="
    made = item("7914073381342284")
    assert made["NotificationRequestItem"]["additionalData"]["hmacSignature"] == documented
    sent = body(made)
    items = split(sent, ADYEN.envelope.items)
    assert items is not None
    judge = verifier(ADYEN.signature, [EndpointSecret.model_validate(SECRETS[0])])
    assert judge.verify((), sent, 0, Carried({}, items[0].content)) == Authentic("live", "merch_endpoint")


async def test_one_event_stays_byte_for_byte_what_was_sent(adyen: Any) -> None:
    sent = body(item("A1")).replace(b'"live":"false"', b'"live" : "false"')
    answer = await adyen.send(sent, [("Content-Type", "application/json")])
    assert answer.status_code == 200
    [(key, record)] = adyen.records(RAW)
    assert (key, record["payload"]) == (b"TestMerchant", sent)
    assert record["provider_event_id"] == "A1:AUTHORISATION:true"
    assert record["provider_event_type"] == "AUTHORISATION:true"
    assert record["event_id"] == answer.json()["event_id"]
    assert record["event_id"] == event_id("adyen", "TestMerchant", "A1:AUTHORISATION:true")


async def test_each_event_of_a_batch_is_a_record_that_holds_it_alone(adyen: Any) -> None:
    items = [item(reference) for reference in ("A1", "A2", "A3")]
    answer = await adyen.send(body(*items), [])
    assert answer.status_code == 200
    records = [record for _, record in adyen.records(RAW)]
    assert [record["provider_event_id"] for record in records] == [f"A{n}:AUTHORISATION:true" for n in (1, 2, 3)]
    assert [orjson.loads(record["payload"])["notificationItems"] for record in records] == [[each] for each in items]
    assert len({record["event_id"] for record in records}) == 3
    assert answer.json()["event_id"] == records[0]["event_id"]


async def test_a_batch_is_not_acknowledged_unless_kafka_has_all_of_it(adyen: Any) -> None:
    written = adyen.producer.produce

    def fail_second(topic: str, key: bytes, value: bytes, done: Callable[[object], None]) -> None:
        if b"A2" in value:
            done(Transient("away"))
        else:
            written(topic, key, value, done)

    adyen.producer.produce = fail_second
    answer = await adyen.send(body(item("A1"), item("A2"), item("A3")), [])
    assert (answer.status_code, answer.json()["reason_code"]) == (503, "broker_unavailable")
    adyen.producer.produce = written
    again = await adyen.send(body(item("A1"), item("A2"), item("A3")), [])
    assert again.status_code == 200
    ids = [record["event_id"] for _, record in adyen.records(RAW)]
    # What was written of the first try has the same id as what comes again.
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ([item("A1"), item("A2", key="11" * 32)], "signature_mismatch"),
        ([item("A1"), {"NotificationRequestItem": {"pspReference": "A2"}}], "signature_missing"),
        ([item("A1"), item("A2", key=OTHER)], "signature_mismatch"),
        ([], "signature_missing"),
        ([7], "signature_missing"),
        ([item(f"A{n}") for n in range(101)], "signature_missing"),
    ],
    ids=["another's", "none", "two secrets", "no events", "not an event", "too many"],
)
async def test_one_event_that_is_not_authentic_makes_the_batch_a_forgery(
    adyen: Any, items: list[object], code: str
) -> None:
    answer = await adyen.send(body(*items), [])
    assert (answer.status_code, answer.json()["reason_code"]) == (401, code)
    assert adyen.producer.records == []


@pytest.mark.parametrize("sent", [b"", b"[]", b"{", b'{"notificationItems":{}}', b"7", b"\xff"])
async def test_a_body_in_which_no_signature_can_be_is_a_forgery(adyen: Any, sent: bytes) -> None:
    answer = await adyen.send(sent, [])
    assert (answer.status_code, answer.json()["reason_code"]) == (401, "signature_missing")
    assert adyen.producer.records == []


async def test_one_malformed_event_makes_the_batch_one_dead_letter(adyen: Any) -> None:
    sent = body(item("A1"), item("A2", eventDate=7))
    answer = await adyen.send(sent, [])
    assert (answer.status_code, answer.json()["reason_code"]) == (422, "field_type")
    [(_, record)] = adyen.records(INGESTION_DLQ)
    assert record["payload"] == sent
    assert adyen.records(RAW) == []


async def test_an_event_of_long_ago_makes_the_batch_a_replay(adyen: Any) -> None:
    sent = body(item("A1"), item("A2", eventDate="2026-01-01T00:00:00Z"))
    answer = await adyen.send(sent, [])
    assert (answer.status_code, answer.json()["reason_code"]) == (403, "event_too_old")
    assert adyen.producer.records == []
