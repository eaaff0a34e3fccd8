"""A trace claims no more than it has looked at, and finds an id in whichever form people have it."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from operations.trace import records
from operations.trace.command import app
from operations.trace.hops import follow
from operations.trace.ids import checked, event_id_of, forms
from payments_contracts.topics import NORMALIZED, STRIPE_RAW, VALIDATION_DLQ, Topic
from typer.testing import CliRunner

from .tracing import EVENT, NOON, NOW, RAW, SCORED, SECOND, WORKFLOW, Pipeline


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path)


def crowd(pipeline: Pipeline, topic: Topic, count: int = 3) -> None:
    """Let others have written to a topic just before the event."""
    for number in range(count):
        pipeline.topics.put(topic, 100 + number, NOON, {**RAW, "event_id": f"other {number}"})


@pytest.mark.parametrize("topic", [NORMALIZED, VALIDATION_DLQ])
def test_what_may_be_beyond_the_records_that_were_read_has_not_stopped(
    pipeline: Pipeline, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MOST", 2)
    crowd(pipeline, topic)
    pipeline.receive()
    pipeline.archive()
    pipeline.topics.committed["normalizer"] = 4
    (facts,) = pipeline.look().found
    trace = follow(facts, NOW)
    assert {hop.name: hop.state for hop in trace.hops}["normalizer"] == "unknown"
    expected = "not known beyond archive: Kafka has more records of its time than are read"
    assert (trace.ended, trace.arrived) == (expected, False)


def test_a_dead_letter_of_the_orchestrator_may_be_beyond_them_too(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MOST", 2)
    crowd(pipeline, VALIDATION_DLQ)
    pipeline.receive()
    pipeline.archive()
    pipeline.normalize()
    pipeline.topics.committed["orchestrator"] = 8
    (facts,) = pipeline.look().found
    assert {hop.name: hop.state for hop in follow(facts, NOW).hops}["workflow"] == "unknown"


def test_a_raw_record_may_be_beyond_them_too(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MOST", 2)
    crowd(pipeline, STRIPE_RAW)
    pipeline.normalize()
    pipeline.workflows.workflows[EVENT] = WORKFLOW
    (facts,) = pipeline.look().found
    assert {hop.name: hop.state for hop in follow(facts, NOW).hops}["raw topic"] == "unknown"


@pytest.mark.parametrize("count", [2, 3])
def test_a_topic_that_was_read_to_its_end_is_whole(
    pipeline: Pipeline, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MOST", 2)
    crowd(pipeline, NORMALIZED, count)
    reader = records.EventRecords(pipeline.topics, pipeline.topics.behind, lambda _topic: pipeline.topics)
    assert reader.between(NORMALIZED, {EVENT}, NOON).is_whole is (count == 2)


def test_an_id_that_stands_in_records_of_others_is_not_decoded_for_ever(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "_OTHERS", 5)
    decoded: list[bytes] = []
    decode = pipeline.topics.decode

    def count(value: bytes) -> dict[str, Any]:
        decoded.append(value)
        return decode(value)

    monkeypatch.setattr(pipeline.topics, "decode", count)
    for number in range(50):
        pipeline.topics.put(STRIPE_RAW, number, NOW - SECOND, {**RAW, "event_id": str(uuid.UUID(int=number))})
    look = pipeline.look("merch_1 is not an id")
    assert (look.found, decoded) == ([], [])
    look = pipeline.look("payment_intent")
    assert (look.found, len(decoded)) == ([], 5)
    assert look.looked[-1].endswith(f", but not in all records of {STRIPE_RAW.name}")


def test_an_id_too_short_to_be_one_is_looked_for_where_it_is_a_key(pipeline: Pipeline) -> None:
    pipeline.topics.put(STRIPE_RAW, 3, NOW - SECOND, {**RAW, "provider_event_id": "1"})
    look = pipeline.look("1")
    assert (look.found, look.away) == ([], {})
    assert look.looked[-1] == "not in records of the topics: what has fewer than 8 characters is in most of them"
    pipeline.rows.rows.append({**SCORED, "provider_event_id": "1"})
    assert [facts.event_id for facts in pipeline.look("1").found] == [EVENT]


@pytest.mark.parametrize("typed", [EVENT.upper(), uuid.UUID(EVENT).hex])
@pytest.mark.parametrize("known_by", ["database", "temporal", "archive", "topic"])
def test_the_id_of_a_trace_and_one_in_capitals_are_the_events(pipeline: Pipeline, typed: str, known_by: str) -> None:
    match known_by:
        case "database":
            pipeline.rows.rows.append(SCORED)
        case "temporal":
            pipeline.workflows.workflows[EVENT] = WORKFLOW
        case "archive":
            pipeline.archive()
        case "topic":
            pipeline.topics.put(STRIPE_RAW, 3, NOW - SECOND, {**RAW, "received_at": NOW - SECOND})
    assert [facts.event_id for facts in pipeline.look(typed).found] == [EVENT]


def test_an_id_of_a_provider_that_looks_like_a_uuid_is_found_as_it_is(pipeline: Pipeline) -> None:
    own = uuid.UUID(int=7).hex
    pipeline.rows.rows.append({**SCORED, "provider_event_id": own})
    assert [facts.event_id for facts in pipeline.look(own).found] == [EVENT]
    assert forms("evt_1") == ["evt_1"]
    assert event_id_of("evt_1") is None


@pytest.mark.parametrize("typed", ["evt\0", "evt\x1b[2J", "\udc80", "  ", "evt\u202e1"])
def test_what_can_be_nobodys_id_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="an id has"):
        checked(typed)
    assert checked(" evt_1\n") == "evt_1"


def test_the_command_says_so_before_it_asks_anybody() -> None:
    done = CliRunner().invoke(app, ["trace", "evt\x1b[2J"], env={"TERM": "dumb", "COLUMNS": "200"})
    assert done.exit_code == 2
    assert "an id has no control characters: there is U+001B at 3" in done.output
