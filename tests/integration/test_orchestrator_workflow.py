"""The workflow on a real Temporal, with its own activities over fakes of what they reach.

With RECORD_HISTORIES=1 the histories that the unit tests replay are written anew: do so, and keep the old files
beside them under another name, when a change of the workflow is meant to be incompatible.
"""

import json
import os
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kit.errors import Fault, Rejected, Transient
from kit.lake import Outcome
from orchestrator import policies
from orchestrator.activities.database import DatabaseActivities
from orchestrator.activities.inference import InferenceActivities
from orchestrator.activities.lake import LakeActivities
from orchestrator.activities.validation import ValidationActivities
from orchestrator.messages import Completion
from orchestrator.rules import RuleBook
from orchestrator.temporal import WorkflowStarter
from orchestrator.workflow import PaymentEventWorkflow
from payments_contracts.inference import (
    FraudScore,
    FraudScoreRequest,
    RetryStrategyRequest,
    RetryStrategyResponse,
)
from payments_contracts.records import PaymentEventV2, ScoredPaymentV2
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, Worker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

HISTORIES = Path(__file__).parents[2] / "services" / "orchestrator" / "tests" / "histories"
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def event(**changes: object) -> PaymentEventV2:
    plain: dict[str, object] = {
        "event_id": str(uuid.uuid4()),
        "provider": "stripe",
        "provider_event_id": "evt_1",
        "event_type": "payment.succeeded",
        "merchant_id": "merch_1",
        "customer_id": "cus_1",
        "amount_cents": 5_000,
        "currency": "USD",
        "payment_method_type": "card",
        "card_brand": "visa",
        "card_last_four": "4242",
        "status": "succeeded",
        "failure_code": None,
        "failure_message": None,
        "metadata": {},
        "provider_created_at": NOON,
        "processed_at": NOON,
        "schema_version": 2,
        "currency_exponent": 2,
        "provider_object_id": "pi_1",
        "attempt_number": None,
        "related_payment_id": None,
    }
    return PaymentEventV2.model_validate(plain | changes)


def failed_event() -> PaymentEventV2:
    return event(event_type="payment.failed", status="failed", failure_code="insufficient_funds")


@dataclass
class World:
    """What the activities reach: each raises the errors it was given, one per call, and then works."""

    model_errors: list[Exception] = field(default_factory=list)
    lake_errors: list[Exception] = field(default_factory=list)
    database_errors: list[Exception] = field(default_factory=list)
    model_calls: int = 0
    lake_calls: list[bool] = field(default_factory=list)
    rows: dict[str, Mapping[str, object]] = field(default_factory=dict)
    stored: list[str] = field(default_factory=list)

    async def score_fraud(self, request: FraudScoreRequest) -> FraudScore:
        self.model_calls += 1
        if self.model_errors:
            raise self.model_errors.pop(0)
        return FraudScore(score=0.12, risk_level="low")

    async def advise_retry(self, request: RetryStrategyRequest) -> RetryStrategyResponse:
        if self.model_errors:
            raise self.model_errors.pop(0)
        return RetryStrategyResponse(should_retry=True, delay_seconds=60, max_attempts=3)

    async def append(self, row: Mapping[str, object], *, repeated: bool = False) -> Outcome:
        self.lake_calls.append(repeated)
        if self.lake_errors:
            raise self.lake_errors.pop(0)
        key = str(row["event_id"])
        outcome = Outcome.ALREADY_THERE if key in self.rows else Outcome.APPENDED
        self.rows[key] = row
        return outcome

    async def put(self, payment: ScoredPaymentV2) -> None:
        if self.database_errors:
            raise self.database_errors.pop(0)
        self.stored.append(payment.event_id)


@dataclass
class Orchestrator:
    """A client and a task queue on which workers with a world run."""

    client: Client
    queue: str

    @asynccontextmanager
    async def at_work(self, world: World) -> AsyncIterator[None]:
        inference = InferenceActivities(world)
        events = Worker(
            self.client,
            task_queue=self.queue,
            workflows=[PaymentEventWorkflow],
            activities=[
                ValidationActivities(RuleBook()).validate_business_rules,
                inference.get_fraud_score,
                inference.get_retry_strategy,
                DatabaseActivities(world).persist_to_database,
            ],
        )
        persist = Worker(
            self.client,
            task_queue=policies.persist_queue(self.queue),
            activities=[LakeActivities(world, lambda: NOON).persist_to_iceberg],
        )
        async with events, persist:
            yield

    async def start(self, started: PaymentEventV2) -> WorkflowHandle[PaymentEventWorkflow, Completion]:
        await WorkflowStarter(self.client, self.queue).start(started)
        return self.client.get_workflow_handle_for(PaymentEventWorkflow.run, started.event_id)

    async def run(self, started: PaymentEventV2, world: World) -> Completion:
        async with self.at_work(world):
            handle = await self.start(started)
            return await handle.result()


@pytest.fixture
async def orchestrator(stack: Mapping[str, str]) -> Orchestrator:
    client = await Client.connect(
        stack["TEMPORAL_ADDRESS"],
        namespace=stack["TEMPORAL_NAMESPACE"],
        data_converter=pydantic_data_converter,
        identity="test",
    )
    return Orchestrator(client, policies.events_queue(f"-test-{uuid.uuid4().hex[:12]}"))


async def record(handle: WorkflowHandle[PaymentEventWorkflow, Completion], name: str) -> None:
    """Replay the history with today's code, and keep it if asked to."""
    history = await handle.fetch_history()
    replayer = Replayer(workflows=[PaymentEventWorkflow], data_converter=pydantic_data_converter)
    await replayer.replay_workflow(history)
    if os.environ.get("RECORD_HISTORIES"):
        HISTORIES.mkdir(exist_ok=True)
        content = json.loads(history.to_json(), object_hook=without_stack_trace)
        (HISTORIES / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


def without_stack_trace(found: dict[str, object]) -> dict[str, object]:
    """Leave out the paths of the machine that recorded."""
    return {key: value for key, value in found.items() if key != "stackTrace"}


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
    await record(orchestrator.client.get_workflow_handle_for(PaymentEventWorkflow.run, started.event_id), "failed")


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
    assert world.rows[started.event_id]["fraud_score"] == 0.5
    await record(orchestrator.client.get_workflow_handle_for(PaymentEventWorkflow.run, started.event_id), "fallback")


async def test_a_model_that_refuses_the_request_is_not_asked_again(orchestrator: Orchestrator) -> None:
    world = World(model_errors=[Fault("contracts differ")])
    completion = await orchestrator.run(event(), world)
    assert completion.fraud_score_source == "fallback"
    assert world.model_calls == 1


async def test_a_later_attempt_to_persist_says_that_it_is_one(orchestrator: Orchestrator) -> None:
    world = World(lake_errors=[Transient("object store away")])
    await orchestrator.run(event(), world)
    assert world.lake_calls == [False, True]


async def test_a_row_outwaits_an_outage_longer_than_all_attempts(
    orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "LAKE_PAUSE", timedelta(milliseconds=200))
    monkeypatch.setattr(policies.LAKE.retry, "maximum_attempts", 2)
    world, started = World(lake_errors=[Transient("lake away")] * 3), event()
    completion = await orchestrator.run(started, world)
    assert completion.lake is Outcome.APPENDED
    assert world.lake_calls == [False, True, True, True]
    handle = orchestrator.client.get_workflow_handle_for(PaymentEventWorkflow.run, started.event_id)
    pauses = [found async for found in handle.fetch_history_events() if found.HasField("timer_fired_event_attributes")]
    assert len(pauses) == 1
    monkeypatch.undo()
    await record(handle, "lake-away")


async def test_a_row_that_does_not_fit_the_table_fails_the_workflow(orchestrator: Orchestrator) -> None:
    world = World(lake_errors=[Rejected("column amount takes an integer")])
    with pytest.raises(WorkflowFailureError):
        await orchestrator.run(event(), world)
    assert len(world.lake_calls) == 1


async def test_a_database_that_refuses_leaves_the_row_in_the_lake(orchestrator: Orchestrator) -> None:
    world, started = World(database_errors=[Fault("refused")]), event()
    completion = await orchestrator.run(started, world)
    assert completion.database == "failed"
    assert started.event_id in world.rows


async def test_an_event_has_one_workflow_however_often_it_comes(orchestrator: Orchestrator) -> None:
    world, started = World(), event()
    async with orchestrator.at_work(world):
        for _ in range(3):
            handle = await orchestrator.start(started)
        await handle.result()
        await orchestrator.start(started)
    assert world.lake_calls == [False]


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
    assert world.lake_calls == [False, True]
    assert completion.lake is Outcome.ALREADY_THERE
