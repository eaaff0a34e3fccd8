"""What counts as wrong, with answers made by hand."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from random import Random

import orjson
import pytest
from payments_contracts.topics import INGESTION_DLQ, STRIPE_RAW

from tests.fuzz.body import JSON_HEADERS, Body
from tests.fuzz.delivery import Answer, Delivery
from tests.fuzz.endpoint import Endpoint
from tests.fuzz.ledger import Entry, Finding, Ledger, entry
from tests.fuzz.oracle import Verdict, verdict

NOW = datetime(2026, 5, 1, tzinfo=UTC)
EVENT = {"id": "evt_1", "type": "charge.succeeded", "created": 1_767_607_290, "data": {"object": {}}}
SOUND = Body("strange key", orjson.dumps(EVENT), "sound", JSON_HEADERS, is_chunked=False)
MALFORMED = Body("truncated", SOUND.content[:-1], "malformed", JSON_HEADERS, is_chunked=False)
TOO_LONG = Body("over the limit", SOUND.content.ljust(600_000), "either", JSON_HEADERS, is_chunked=False)
FORGERY = next(each for each in Endpoint.of("stripe").forgeries(Random(1)) if each.name == "wrong secret")  # noqa: S311


def answer(due: Verdict) -> Answer:
    """Return the answer that gives a verdict."""
    if due.status == 200:
        return Answer(200, "application/json", orjson.dumps({"event_id": due.event_id, "status": "accepted"}))
    content = {"type": "about:blank", "title": "t", "status": due.status, "detail": "d", "reason_code": due.reason_code}
    if due.event_id is not None:
        content["event_id"] = due.event_id
    return Answer(due.status, "application/problem+json", orjson.dumps(content))


def right(body: Body) -> Answer:
    return answer(verdict("stripe", body.content, NOW))


def record(body: Body) -> Entry:
    """Return the record that a body becomes."""
    due = verdict("stripe", body.content, NOW)
    topic = STRIPE_RAW if due.status == 200 else INGESTION_DLQ
    fields = {"provider": "stripe", "event_id": due.event_id, "payload": body.content, "reason_code": due.reason_code}
    return entry(topic.name, fields)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger("stripe", verdict)


def complaints(ledger: Ledger) -> list[str]:
    return [finding.complaint for finding in ledger.findings]


@pytest.mark.parametrize("body", [SOUND, MALFORMED, TOO_LONG])
def test_nothing_is_wrong_with_the_answer_that_is_due(ledger: Ledger, body: Body) -> None:
    ledger.note(Delivery(body), right(body))
    assert complaints(ledger) == []


def test_a_server_error_is_wrong(ledger: Ledger) -> None:
    ledger.note(Delivery(MALFORMED), Answer(500, "text/plain", b"Internal Server Error"))
    assert complaints(ledger)[0].startswith("500 with text/plain b'Internal Server Error' instead of 422 not_json ")


def test_no_answer_is_wrong(ledger: Ledger) -> None:
    ledger.note(Delivery(MALFORMED), Answer(0, "", b"ReadError('')"))
    assert complaints(ledger)[0].startswith("no answer with ")
    assert list(ledger.answers) == [("truncated", "none")]


@pytest.mark.parametrize(
    "change",
    [
        lambda due: replace(due, reason_code="not_utf8"),
        lambda due: replace(due, event_id="4f0c3a52-9d1e-4c0b-8a57-2f4e9b7d1c60"),
        lambda due: replace(due, event_id=None),
    ],
)
def test_another_reason_or_event_is_wrong(ledger: Ledger, change: Callable[[Verdict], Verdict]) -> None:
    ledger.note(Delivery(MALFORMED), answer(change(verdict("stripe", MALFORMED.content, NOW))))
    assert len(complaints(ledger)) == 1


def test_a_malformed_body_must_not_be_accepted(ledger: Ledger) -> None:
    ledger.note(Delivery(MALFORMED), right(SOUND))
    assert complaints(ledger)[0].startswith("200 ")


def test_an_answer_that_is_not_of_the_contracts_form_is_wrong(ledger: Ledger) -> None:
    ledger.note(Delivery(SOUND), Answer(200, "application/json", b'{"status":"accepted"}'))
    assert "event_id" in complaints(ledger)[0]


def test_a_forged_body_must_be_refused_whatever_is_in_it(ledger: Ledger) -> None:
    for body in (SOUND, MALFORMED):
        ledger.note(Delivery(body, FORGERY), right(body))
        ledger.note(Delivery(body, FORGERY), answer(Verdict(HTTPStatus.UNAUTHORIZED, FORGERY.reason_code, None)))
    assert [each.split(" instead of ")[1] for each in complaints(ledger)] == ["401 signature_mismatch"] * 2
    assert ledger.malformed == 0


def test_a_claim_that_the_contracts_do_not_share_is_wrong(ledger: Ledger) -> None:
    ledger.note(Delivery(replace(SOUND, claim="malformed")), right(SOUND))
    ledger.note(Delivery(replace(MALFORMED, claim="sound")), right(MALFORMED))
    assert complaints(ledger) == [
        "the contracts let in what is malformed",
        "the contracts refuse what is sound: not_json",
    ]


def test_every_delivery_is_one_record(ledger: Ledger) -> None:
    for body in (SOUND, MALFORMED, MALFORMED, TOO_LONG):
        ledger.note(Delivery(body), right(body))
    assert list(ledger.balance([record(SOUND), record(MALFORMED), record(MALFORMED)])) == []


@pytest.mark.parametrize("body", [SOUND, MALFORMED])
def test_a_record_that_is_not_there_is_missing(ledger: Ledger, body: Body) -> None:
    ledger.note(Delivery(body), right(body))
    [finding] = ledger.balance([])
    assert finding.complaint.endswith("missing")


@pytest.mark.parametrize("body", [SOUND, MALFORMED])
def test_a_record_that_nobody_was_told_of_is_too_many(ledger: Ledger, body: Body) -> None:
    ledger.note(Delivery(body), right(body))
    [finding] = ledger.balance([record(body), record(body)])
    assert finding.complaint.endswith("too many")


def test_a_record_with_other_bytes_is_both(ledger: Ledger) -> None:
    ledger.note(Delivery(MALFORMED), right(MALFORMED))
    changed = record(MALFORMED)._replace(digest=b"another")
    assert [each.complaint[-7:] for each in ledger.balance([changed])] == ["missing", "oo many"]


def test_what_was_not_answered_may_have_arrived_or_not(ledger: Ledger) -> None:
    ledger.note(Delivery(MALFORMED), Answer(0, "", b"ReadError('')"))
    assert list(ledger.balance([])) == list(ledger.balance([record(MALFORMED)])) == []


def test_another_providers_records_are_not_counted(ledger: Ledger) -> None:
    assert list(ledger.balance([record(MALFORMED)._replace(provider="square")])) == []


def test_findings_keep_the_body_that_shows_them(ledger: Ledger) -> None:
    ledger.note(Delivery(MALFORMED), right(SOUND))
    assert isinstance(ledger.findings[0], Finding)
    assert ledger.findings[0].content == MALFORMED.content
