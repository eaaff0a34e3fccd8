"""Records of a topic are shown decoded, filtered, and without what is about a person."""

import json
from io import StringIO
from typing import Any

import pytest
from kit.errors import Rejected
from kit.kafka import Message
from operations.peek.command import app
from operations.peek.command import print_records as show
from operations.peek.records import Shown, Wanted, as_object, decoded, line
from operations.shown import PERSONAL
from operations.trace.hops import Hop, Trace
from operations.trace.report import print_away, print_trace
from payments_contracts.schemas import schema
from payments_contracts.topics import TOPICS, Topic
from rich.console import Console
from typer.testing import CliRunner

RECORD = {
    "event_id": "e",
    "status": "failed",
    "livemode": False,
    "reason_codes": ["a", "b"],
    "failure_code": None,
    "customer_id": "cus_secret",
    "payload": b"\xffsecret",
    "metadata": {"name": "secret"},
}


class Decoder:
    def decode(self, value: bytes) -> dict[str, Any]:
        if value == b"bad":
            raise Rejected("no magic byte", "wire_format")
        return dict(RECORD, event_id=value.decode())


def message(value: bytes, **headers: bytes) -> Message:
    return Message("payments.normalized", 2, 7, 1_772_366_400_123, b"merch_1", value, headers)


def shown(wanted: Wanted, *values: bytes) -> list[Shown]:
    return list(decoded(map(message, values), Decoder(), wanted))


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, 2),
        ({"event_id": {"e1"}}, 1),
        ({"event_id": {"e1", "e2"}, "status": {"failed"}}, 2),
        ({"livemode": {"false"}, "reason_codes": {"b"}, "failure_code": {"null"}}, 2),
        ({"status": {"succeeded"}}, 0),
    ],
)
def test_a_record_has_to_have_one_of_the_values_of_each_field(fields: dict[str, set[str]], found: int) -> None:
    wanted = Wanted({name: frozenset(values) for name, values in fields.items()})
    assert len(shown(wanted, b"e1", b"e2")) == found


def test_what_cannot_be_read_is_shown_where_nothing_is_asked_for() -> None:
    (bad,) = shown(Wanted(), b"bad")
    assert "cannot be read: wire_format: no magic byte (3 bytes)" in line(bad, personal=False)
    assert shown(Wanted({"status": frozenset({"failed"})}), b"bad") == []


def test_a_line_has_time_place_fields_and_headers() -> None:
    (record,) = decoded([message(b"e", redrive=b"run")], Decoder(), Wanted())
    expected = '12:00:00.123  [2]@7  event_id=e status=failed livemode=false reason_codes=["a", "b"]  redrive: run'
    assert line(record, personal=False) == expected


def test_what_is_about_a_person_is_shown_to_who_asks_for_it_alone() -> None:
    (record,) = shown(Wanted(), b"e")
    for said in (line(record, personal=False), json.dumps(as_object(record, personal=False))):
        assert "secret" not in said
    told = as_object(record, personal=False)["record"]
    assert (told["payload"], told["metadata"]) == ("(7 bytes)", "(1 entries)")
    full = as_object(record, personal=True)["record"]
    assert (full["payload"], full["customer_id"]) == ("/3NlY3JldA==", "cus_secret")


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_what_a_contract_calls_personal_is_not_shown_unasked(topic: Topic) -> None:
    fields = json.loads(schema(topic.record, topic.consumers["operations"]))["fields"]
    assert {each["name"] for each in fields if each.get("personal_data")} <= PERSONAL


def test_of_headers_and_keys_only_what_the_contract_says_is_shown_unasked() -> None:
    foreign = message(b"e", redrive=b"run", traceparent=b"00-a-b-01", customer=b"Jane secret")
    (record,) = decoded([foreign], Decoder(), Wanted())
    assert "secret" not in line(record, personal=False)
    told = as_object(record, personal=False)
    assert told["headers"] == {"redrive": "run", "traceparent": "00-a-b-01", "customer": "(11 bytes)"}
    # The record has no such merchant.
    assert told["key"] == "(7 bytes)"
    full = as_object(record, personal=True)
    assert (full["key"], full["headers"]["customer"]) == ("merch_1", "Jane secret")


def test_a_key_that_is_the_field_of_the_contract_is_shown() -> None:
    record = Shown(message(b"e"), {"merchant_id": "merch_1"})
    assert as_object(record, personal=False)["key"] == "merch_1"
    unreadable = Shown(message(b"e"), {}, "wire_format: no magic byte")
    assert as_object(unreadable, personal=False)["key"] == "(7 bytes)"


def test_the_help_says_what_is_shown_unasked() -> None:
    said = CliRunner().invoke(app, ["peek", "--help"], env={"TERM": "dumb", "COLUMNS": "200"}).output
    assert "values of foreign headers" in " ".join(said.split())


@pytest.mark.parametrize("as_json", [False, True])
def test_a_record_is_one_line_and_tells_a_terminal_nothing(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: FBT001  # a case
    hostile = "a\x1b[2J\nb\x7f\x9b\u202e\udc80 é"
    show([Shown(message(b"e"), {"merchant_id": hostile})], personal=False, as_json=as_json)
    said = capsys.readouterr().out
    assert said.endswith("\n")
    assert said[:-1].isprintable()
    assert "é" in said
    if as_json:
        assert json.loads(said)["record"]["merchant_id"] == hostile


def test_a_trace_tells_a_terminal_nothing_either() -> None:
    out = StringIO()
    hop = Hop("gateway", "passed", said={"failure": "a\x1b[2J\nb"})
    trace = Trace(
        {"event_id": "e", "merchant_id": "m\x1b[2J"}, "pi\n", (hop,), "stopped: \x9b", arrived=False, notes=("\x07",)
    )
    console = Console(file=out)
    print_trace(trace, console)
    print_away({"Temporal": "\x1b]0;"}, console)
    lines = out.getvalue().splitlines()
    assert len(lines) == 7
    assert all(line.isprintable() for line in lines)
    assert "\\u001b[2J\\nb" in out.getvalue()
