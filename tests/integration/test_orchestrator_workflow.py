"""The workflow on a real Temporal, with its own activities over fakes of what they reach.

With RECORD_HISTORIES=1 the histories that the unit tests replay are written anew: do so, and keep the old files
beside them under another name, when a change of the workflow is meant to be incompatible.
"""

import json
import uuid
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from kit.errors import Fault, Transient
from kit.lake import Outcome
from orchestrator import policies
from orchestrator.messages import Completion
from orchestrator.workflow import PaymentEventWorkflow
from payments_contracts.pins.orchestrator import PaymentEvent
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowHistory

from tests.integration.workflows import NEW, UNKNOWN, Orchestrator, World, event, failed_event, record

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


async def test_a_succeeded_payment_is_scored_and_needs_no_advice(orchestrator: Orchestrator) -> None:
    world, started = World(), event()
    completion = await orchestrator.run(started, world)
    assert completion == Completion(
        event_id=started.event_id,
        rule_violations=[],
        fraud_score_source="model",
        retry_strategy_source=None,
        lake=Outcome.APPENDED,
        database="stored",
    )
    assert world.rows[started.event_id]["retry_strategy"] is None
    assert world.stored == [started.event_id]
    await record(orchestrator.client.get_workflow_handle_for(PaymentEventWorkflow.run, started.event_id), "succeeded")


async def test_a_failed_payment_gets_advice(orchestrator: Orchestrator) -> None:
    world, started = World(), failed_event()
    completion = await orchestrator.run(started, world)
    assert completion.retry_strategy_source == "model"
    assert world.rows[started.event_id]["retry_strategy"] == {
        "should_retry": True,
        "delay_seconds": 60,
        "max_attempts": 3,
    }
    assert world.looked_up == [started.event_id]
    assert [request.attempt_count for request in world.asked] == [2]
    row = world.rows[started.event_id]
    assert (row["attempt"], row["attempt_source"], row["retry_action"]) == (2, "history", "retry")
    await record(orchestrator.client.get_workflow_handle_for(PaymentEventWorkflow.run, started.event_id), "failed")


@pytest.mark.parametrize(
    "started",
    [
        failed_event(attempt_number=4),
        event(event_type="invoice.payment_failed", status="open", attempt_number=4),
    ],
    ids=lambda started: started.event_type,
)
async def test_an_attempt_that_the_provider_tells_is_not_looked_up(
    orchestrator: Orchestrator, started: PaymentEvent
) -> None:
    world = World()
    await orchestrator.run(started, world)
    assert world.looked_up == []
    row = world.rows[started.event_id]
    assert (row["attempt"], row["attempt_source"]) == (4, "provider")
    assert [request.attempt_count for request in world.asked] == ([4] if started.status == "failed" else [])


@pytest.mark.parametrize(
    "started",
    [
        event(),
        event(event_type="payment.canceled", status="canceled", cancellation_reason="abandoned"),
        event(event_type="payment_method.updated", status="active", amount_cents=0, currency="XXX"),
        event(event_type="charge.failed", status="failed", related_payment_id="pi_0"),
    ],
    ids=lambda started: started.event_type,
)
async def test_what_needs_no_advice_costs_no_look_up(orchestrator: Orchestrator, started: PaymentEvent) -> None:
    world = World()
    completion = await orchestrator.run(started, world)
    assert (completion.retry_strategy_source, world.looked_up, world.asked) == (None, [], [])
    assert world.rows[started.event_id]["attempt"] is None


async def test_a_failed_charge_without_a_payment_and_an_invoice_without_a_number_are_counted(
    orchestrator: Orchestrator,
) -> None:
    for started in (
        failed_event(event_type="charge.failed"),
        event(event_type="invoice.payment_failed", status="open"),
    ):
        world = World()
        await orchestrator.run(started, world)
        assert world.looked_up == [started.event_id]
        assert world.rows[started.event_id]["attempt"] == 2


@pytest.mark.parametrize("error", [Transient("away"), Fault("the role may not select")])
async def test_a_history_that_is_away_leaves_the_attempt_unknown_and_holds_nothing_up(
    orchestrator: Orchestrator, error: Exception
) -> None:
    world, started = World(history_errors=[error] * 99), failed_event()
    completion = await orchestrator.run(started, world)
    assert (completion.retry_strategy_source, completion.database) == ("model", "stored")
    row = world.rows[started.event_id]
    assert (row["attempt"], row["attempt_source"]) == (None, None)
    assert [request.attempt_count for request in world.asked] == [None]
    assert len(world.looked_up) <= 3


async def test_a_refund_is_kept_without_asking_the_models(orchestrator: Orchestrator) -> None:
    world, started = World(), event(event_type="refund.failed", status="failed", related_payment_id="pi_0")
    completion = await orchestrator.run(started, world)
    assert (completion.fraud_score_source, completion.retry_strategy_source) == ("not_scored", None)
    assert world.model_calls == 0
    row = world.rows[started.event_id]
    assert (row["fraud_score"], row["retry_strategy"], row["related_payment_id"]) == (0.0, None, "pi_0")
    assert world.stored == [started.event_id]
    await record(orchestrator.client.get_workflow_handle_for(PaymentEventWorkflow.run, started.event_id), "not-scored")


async def test_a_model_that_was_away_for_a_moment_is_asked_again(orchestrator: Orchestrator) -> None:
    world = World(model_errors=[Transient("away")] * 2)
    completion = await orchestrator.run(event(), world)
    assert completion.fraud_score_source == "model"
    assert world.model_calls == 3


async def test_models_that_stay_away_are_replaced_by_the_fallback(orchestrator: Orchestrator) -> None:
    world, started = World(model_errors=[Transient("away")] * 99), failed_event()
    completion = await orchestrator.run(started, world)
    assert (completion.fraud_score_source, completion.retry_strategy_source) == ("fallback", "fallback")
    assert world.model_calls == 6
    row = world.rows[started.event_id]
    assert (row["fraud_score"], row["retry_action"]) == (0.5, "retry")
    # The second attempt at a payment for which there is no money.
    assert row["retry_strategy"] == {"should_retry": True, "delay_seconds": 3 * 86_400, "max_attempts": 4}
    await record(orchestrator.client.get_workflow_handle_for(PaymentEventWorkflow.run, started.event_id), "fallback")


async def test_a_model_that_refuses_the_request_is_not_asked_again(orchestrator: Orchestrator) -> None:
    world = World(model_errors=[Fault("contracts differ")])
    completion = await orchestrator.run(event(), world)
    assert completion.fraud_score_source == "fallback"
    assert world.model_calls == 1


def types_of(history: WorkflowHistory) -> Counter[str]:
    return Counter(EventType.Name(found.event_type).removeprefix("EVENT_TYPE_") for found in history.events)


async def test_everything_happens_within_one_workflow_task(orchestrator: Orchestrator) -> None:
    started = failed_event()
    await orchestrator.run(started, World())
    history = await orchestrator.client.get_workflow_handle(started.event_id).fetch_history()
    assert types_of(history) == {
        "WORKFLOW_EXECUTION_STARTED": 1,
        "WORKFLOW_TASK_SCHEDULED": 1,
        "WORKFLOW_TASK_STARTED": 1,
        "WORKFLOW_TASK_COMPLETED": 1,
        "MARKER_RECORDED": 6,
        "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES": 1,
        "WORKFLOW_EXECUTION_COMPLETED": 1,
    }


async def test_the_history_names_each_activity_with_its_retry_policy(orchestrator: Orchestrator) -> None:
    started = failed_event()
    await orchestrator.run(started, World())
    history = await orchestrator.client.get_workflow_handle(started.event_id).fetch_history()
    told = {}
    for found in history.events:
        if found.HasField("marker_recorded_event_attributes"):
            details = json.loads(found.marker_recorded_event_attributes.details["data"].payloads[0].data)
            told[details["activity_type"]] = json.loads(found.user_metadata.summary.data)
    assert told == {
        "validate_business_rules": policies.VALIDATION.summary,
        "get_fraud_score": policies.INFERENCE.summary,
        "count_attempts": policies.ATTEMPTS.summary,
        "get_retry_strategy": policies.INFERENCE.summary,
        "persist_to_iceberg": policies.LAKE.summary,
        "persist_to_database": policies.DATABASE.summary,
    }


async def test_the_row_of_a_workflow_that_began_here_needs_no_look_up(orchestrator: Orchestrator) -> None:
    world = World()
    await orchestrator.run(event(), world)
    assert world.lake_calls == [NEW]
    assert orchestrator.opened.room() == 100


async def test_a_workflow_of_another_process_hands_its_row_to_the_committers_queue(orchestrator: Orchestrator) -> None:
    world, started = World(), event()
    await replace(orchestrator, beside=False).run(started, world)
    assert world.lake_calls == [NEW]
    history = await orchestrator.client.get_workflow_handle(started.event_id).fetch_history()
    assert types_of(history)["ACTIVITY_TASK_COMPLETED"] == 1


async def test_a_later_attempt_to_persist_says_that_it_is_one(orchestrator: Orchestrator) -> None:
    world = World(lake_errors=[Transient("the table lacks a column")] * 2)
    await orchestrator.run(event(), world)
    assert world.lake_calls == [NEW, UNKNOWN, UNKNOWN]


async def test_a_row_outwaits_an_outage_longer_than_all_attempts(
    orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies.LAKE.retry, "maximum_attempts", 2)
    monkeypatch.setattr(policies.LAKE.retry, "initial_interval", timedelta(milliseconds=50))
    world, started = World(lake_errors=[Transient("lake away")] * 6), event()
    completion = await orchestrator.run(started, world)
    assert completion.lake is Outcome.APPENDED
    assert world.lake_calls == [NEW, *[UNKNOWN] * 6]
    history = await orchestrator.client.get_workflow_handle(started.event_id).fetch_history()
    # Attempts leave no trace in it: however long the lake is away, it has the same length.
    assert types_of(history)["ACTIVITY_TASK_SCHEDULED"] == 1
    assert types_of(history)["TIMER_STARTED"] == 0
    handle = orchestrator.client.get_workflow_handle_for(PaymentEventWorkflow.run, started.event_id)
    monkeypatch.undo()
    await record(handle, "lake-away")


async def test_a_database_that_is_away_for_long_gets_the_row_when_it_is_back(orchestrator: Orchestrator) -> None:
    world, started = World(database_errors=[Transient("away")] * 5), event()
    completion = await orchestrator.run(started, world)
    assert completion.database == "stored"
    assert world.stored == [started.event_id]


async def test_an_event_has_one_workflow_however_often_it_comes(orchestrator: Orchestrator) -> None:
    world, started = World(), event()
    async with orchestrator.at_work(world):
        for _ in range(3):
            handle = await orchestrator.start(started)
        await handle.result()
        await orchestrator.start(started)
    assert world.lake_calls == [NEW]


async def test_a_workflow_that_was_terminated_begins_again_and_its_row_is_looked_up(orchestrator: Orchestrator) -> None:
    world, started = World(), event()
    handle = await replace(orchestrator, beside=False).start(started)
    await handle.terminate("test")
    await orchestrator.run(started, world)
    assert world.lake_calls == [UNKNOWN]


async def test_a_run_that_was_reset_looks_whether_its_row_is_there(orchestrator: Orchestrator) -> None:
    world, started = World(), event()
    async with orchestrator.at_work(world):
        handle = await orchestrator.start(started)
        await handle.result()
        history = await handle.fetch_history()
        first_task = next(
            found.event_id
            for found in history.events
            if found.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
        )
        await orchestrator.client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=orchestrator.client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=started.event_id),
                workflow_task_finish_event_id=first_task,
                request_id=str(uuid.uuid4()),
                reason="test",
            )
        )
        again = orchestrator.client.get_workflow_handle_for(PaymentEventWorkflow.run, started.event_id)
        completion = await again.result()
    assert world.lake_calls == [NEW, UNKNOWN]
    assert completion.lake is Outcome.ALREADY_THERE
