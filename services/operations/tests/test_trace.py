"""A trace finds an event at each hop by any id, says where it stopped, and does without parts that are away."""

import json
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest
from operations.audit.hops import Place
from operations.trace.asking import Asked, Parts
from operations.trace.hops import Trace, follow
from operations.trace.report import as_object
from payments_contracts.examples import EXAMPLES
from payments_contracts.tables import BRONZE_QUARANTINE
from payments_contracts.topics import NORMALIZED, STRIPE_RAW, VALIDATION_DLQ

from .tracing import EVENT, NOON, NOW, PAYMENT, RAW, RUN, SCORED, SECOND, WORKFLOW, Pipeline


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path)


def traced(pipeline: Pipeline, wanted: str = EVENT) -> Trace:
    (facts,) = pipeline.look(wanted).found
    return follow(facts, NOW)


def states(trace: Trace) -> dict[str, str]:
    return {hop.name: hop.state for hop in trace.hops}


@pytest.mark.parametrize("wanted", [EVENT, "evt_1", PAYMENT])
def test_an_event_that_has_arrived_is_told_hop_by_hop_by_any_of_its_ids(pipeline: Pipeline, wanted: str) -> None:
    pipeline.complete()
    trace = traced(pipeline, wanted)
    assert (trace.ended, trace.arrived) == ("arrived: it is in Gold's number", True)
    assert set(states(trace).values()) == {"passed"}
    hops = {hop.name: hop for hop in trace.hops}
    assert list(hops) == [
        *("gateway", "raw topic", "archive", "normalizer", "workflow", "scores"),
        *("Bronze", "database", "Silver", "payment", "Gold"),
    ]
    assert (hops["raw topic"].place, hops["raw topic"].at) == (f"{STRIPE_RAW.name}[0]@3", NOON)
    assert hops["normalizer"].place == f"{NORMALIZED.name}[0]@7"
    assert (hops["workflow"].place, hops["workflow"].said["run"]) == (EVENT, RUN)
    snapshot = pipeline.catalog.load_table("bronze.payment_events").current_snapshot()
    assert snapshot is not None
    assert hops["Bronze"].said["snapshot"] == str(snapshot.snapshot_id)
    assert (hops["Gold"].said["payment_count"], str(hops["Gold"].said["amount_major"])) == (3, "36.00")
    assert trace.notes == ("redrive by ann: sent",)


def test_a_trace_shows_nothing_of_a_person(pipeline: Pipeline) -> None:
    pipeline.complete()
    pipeline.rows.rows[0] = {**pipeline.rows.rows[0], "customer_id": "cus_secret", "metadata": {"name": "secret"}}
    assert "secret" not in json.dumps(as_object([traced(pipeline)], {}, []))


@pytest.mark.parametrize(
    ("part", "shown", "unknown"),
    [
        ("database", "operational database", {"database"}),
        # What has scores has come past its workflow.
        ("temporal", "Temporal", set()),
        ("kafka", "Kafka", {"raw topic"}),
        ("lake", "lake", {"archive", "Bronze", "Silver", "Gold"}),
    ],
)
def test_a_part_that_is_away_is_shown_and_the_rest_still_tells(
    pipeline: Pipeline, part: str, shown: str, unknown: set[str]
) -> None:
    pipeline.complete()
    pipeline.away = {part}
    (facts,) = pipeline.look().found
    assert facts.away == {shown: f"{part} does not answer"}
    found = states(follow(facts, NOW))
    assert {name for name, state in found.items() if state == "unknown"} == unknown
    assert "missing" not in found.values()


def test_a_part_whose_address_is_not_set_is_away_and_nothing_is_said_to_be_missing_there(pipeline: Pipeline) -> None:
    pipeline.complete()
    pipeline.unset = {"database", "temporal"}
    (facts,) = pipeline.look().found
    assert facts.away == dict.fromkeys(("operational database", "Temporal"), "its address is not set")
    found = states(follow(facts, NOW))
    assert (found["database"], found["workflow"]) == ("unknown", "passed")
    assert "missing" not in found.values()


def test_a_part_that_hangs_is_away_after_its_time_and_holds_up_nobody() -> None:
    parts, freed, ended = Parts(0.05), Event(), Event()

    def hang() -> None:
        freed.wait(60)
        ended.set()

    assert parts.get("lake", Asked(hang), None) is None
    assert parts.away == {"lake": "no answer within 0.05 s"}
    assert not ended.is_set()
    freed.set()


def test_a_part_that_is_asked_late_has_as_long_as_the_others() -> None:
    parts = Parts(1.0)
    parts.get("lake", Asked(lambda: time.sleep(60)), None)
    assert parts.get("database", Asked(lambda: "row"), "") == "row"
    assert list(parts.away) == ["lake"]


def test_a_defect_of_our_own_is_no_part_that_is_away() -> None:
    def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        Parts(5).get("lake", Asked(fail), None)


def test_an_id_that_nobody_knows_says_where_it_was_looked_for(pipeline: Pipeline) -> None:
    look = pipeline.look("evt_other")
    assert (look.found, look.away) == ([], {})
    assert [place.partition(",")[0].partition(":")[0] for place in look.looked] == [
        *("the operational database", "bronze.provider_events", "bronze.quarantine", "the topics"),
    ]
    pipeline.away = {"lake"}
    assert not [place for place in pipeline.look("evt_other").looked if place.startswith("bronze")]


def test_an_event_that_the_normalizer_has_not_read_waits_for_it(pipeline: Pipeline) -> None:
    pipeline.topics.put(STRIPE_RAW, 3, NOW - SECOND, {**RAW, "received_at": NOW - SECOND})
    pipeline.topics.committed["normalizer"] = 1
    trace = traced(pipeline)
    assert states(trace)["normalizer"] == "under way"
    assert (trace.ended, trace.arrived) == ("under way to normalizer", True)
    assert {hop.name: hop for hop in trace.hops}["normalizer"].said["reader"] == "3 records before it"


def test_an_event_that_a_reader_has_passed_without_a_result_is_missing_there(pipeline: Pipeline) -> None:
    pipeline.receive()
    pipeline.archive()
    pipeline.normalize()
    pipeline.topics.committed["orchestrator"] = 8
    trace = traced(pipeline)
    assert (states(trace)["normalizer"], states(trace)["workflow"]) == ("passed", "missing")
    assert (trace.ended, trace.arrived) == ("stopped before workflow, 4 min ago", False)


@pytest.mark.parametrize("archived", [False, True])
def test_a_quarantined_event_stopped_for_its_reasons(pipeline: Pipeline, archived: bool) -> None:  # noqa: FBT001  # a case
    at = NOW - SECOND
    raw = {**RAW, "received_at": at}
    letter = {
        **{name: value for name, value in raw.items() if name not in {"headers", "livemode"}},
        "reason_codes": ["amount_missing"],
        "reasons": ["amount_cents: is missing"],
        "source_topic": STRIPE_RAW.name,
        "source_partition": 0,
        "source_offset": 3,
        "failed_at": at,
        "schema_version": 1,
    }
    pipeline.topics.put(STRIPE_RAW, 3, at, raw)
    if archived:
        place = {"kafka_topic": VALIDATION_DLQ.name, "kafka_partition": 0, "kafka_offset": 9, "kafka_timestamp": at}
        row = {**letter, **place, "source": "validation", "headers": {}}
        pipeline.append(BRONZE_QUARANTINE.identifier, [row])
    else:
        pipeline.topics.put(VALIDATION_DLQ, 9, at, letter)
    trace = traced(pipeline)
    assert (trace.ended, trace.arrived) == ("stopped at normalizer: amount_missing: amount_cents: is missing", False)
    (hop,) = [hop for hop in trace.hops if hop.name == "normalizer"]
    assert hop.place == f"{VALIDATION_DLQ.name}[0]@9"
    assert ("archive snapshot" in hop.said) == archived


def test_a_type_without_a_mapping_ends_in_the_raw_topic(pipeline: Pipeline) -> None:
    example = next(each for each in EXAMPLES if (each.provider, each.kind) == ("stripe", "unsupported"))
    raw = {**RAW, "payload": example.body, "received_at": NOW - SECOND, "provider_event_type": example.event_type}
    pipeline.topics.put(STRIPE_RAW, 3, NOW - SECOND, raw)
    trace = traced(pipeline)
    assert trace.arrived
    assert trace.ended == "ends in the raw topic and the archive: its type has no mapping"


def test_a_workflow_that_waits_says_for_what(pipeline: Pipeline) -> None:
    pipeline.receive()
    pipeline.normalize()
    waiting = ("persist_to_iceberg, attempt 4, last failure: the lake is away",)
    running = replace(WORKFLOW, status="RUNNING", closed_at=None, pending=waiting)
    pipeline.workflows.workflows[EVENT] = running
    trace = traced(pipeline)
    assert (trace.ended, trace.arrived) == (f"stopped at workflow: {waiting[0]}", False)


def test_an_event_of_which_kafka_has_forgotten_is_found_in_the_archive(pipeline: Pipeline) -> None:
    pipeline.complete()
    pipeline.topics.messages.clear()
    trace = traced(pipeline)
    raw = [hop for hop in trace.hops if hop.name == "raw topic"]
    assert [(hop.place, hop.said["held"]) for hop in raw] == [(f"{STRIPE_RAW.name}[0]@3", "no longer in the topic")]
    assert trace.arrived


def test_silver_that_was_not_built_since_is_waited_for(pipeline: Pipeline) -> None:
    for step in (pipeline.receive, pipeline.archive, pipeline.normalize, pipeline.score):
        step()
    trace = traced(pipeline)
    assert trace.ended == "in Bronze and the operational database; Silver waits for its next build"
    (facts,) = pipeline.look().found
    late = follow(facts, NOW + timedelta(hours=3))
    assert (late.ended, late.arrived) == ("stopped before Silver, 3 h ago", False)


def test_a_refund_is_told_with_its_payment(pipeline: Pipeline) -> None:
    pipeline.score()
    pipeline.build()
    charge = {**SCORED, "event_id": "c", "provider_object_id": "ch_1", "related_payment_id": PAYMENT}
    pipeline.rows.rows.append({**charge, "event_type": "charge.succeeded"})
    refund = {**SCORED, "event_id": "r", "event_type": "refund.succeeded", "provider_object_id": "re_1"}
    pipeline.rows.rows.append({**refund, "related_charge_id": "ch_1"})
    (facts,) = pipeline.look("re_1").found
    assert facts.payment_id == PAYMENT
    assert facts.gold is not None
    found = {facts.event_id for facts in pipeline.look(PAYMENT).found}
    assert found == {EVENT, "c"}


def test_the_trace_of_opentelemetry_is_told(pipeline: Pipeline) -> None:
    pipeline.complete()
    pipeline.topics.messages.clear()
    pipeline.topics.put(
        STRIPE_RAW, 3, NOON, RAW, traceparent=b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    )
    gateway, *_ = traced(pipeline).hops
    assert gateway.said["trace_id"] == "0af7651916cd43dd8448eb211c80319c"


def test_a_place_that_another_event_has_since_the_topic_was_made_anew_is_not_its(pipeline: Pipeline) -> None:
    pipeline.score()
    pipeline.topics.put(NORMALIZED, 7, NOON, {**SCORED, "event_id": "another", "provider_event_id": "evt_2"})
    (facts,) = pipeline.look().found
    assert facts.normalized == []
    assert facts.workflow is not None
    assert facts.workflow.place == Place(NORMALIZED.name, 0, 7)
