"""The workflow's workers on a real Temporal, over fakes of what their activities reach."""

import json
import os
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kit.lake import Mark, Outcome
from orchestrator import policies
from orchestrator.activities.lake import LakeActivities
from orchestrator.messages import Completion, DeadLetter, Position
from orchestrator.open_workflows import OpenWorkflows
from orchestrator.rules import RuleBook
from orchestrator.search import register
from orchestrator.settings import WorkerSettings
from orchestrator.starter import WorkflowStarter
from orchestrator.worker import events_worker, persist_worker
from orchestrator.workflow import PaymentEventWorkflow
from payments_contracts.inference import (
    FraudScore,
    FraudScoreRequest,
    RetryStrategyRequest,
    RetryStrategyResponse,
)
from payments_contracts.pins.orchestrator import PaymentEvent, ScoredPayment
from payments_contracts.topics import NORMALIZED
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

HISTORIES = Path(__file__).parents[2] / "services" / "orchestrator" / "tests" / "histories"
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
NEW, UNKNOWN = Mark(4), None
PLACE = Position(topic="t", partition=0, offset=1)


def event(**changes: object) -> PaymentEvent:
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
        "schema_version": NORMALIZED.version,
        "currency_exponent": 2,
        "provider_object_id": "pi_1",
        "attempt_number": None,
        "related_payment_id": None,
    }
    return PaymentEvent.model_validate(plain | changes)


def failed_event(**changes: object) -> PaymentEvent:
    plain = {"event_type": "payment.failed", "status": "failed", "failure_code": "insufficient_funds"}
    return event(**plain | {"failure_category": "insufficient_funds"} | changes)


SETTINGS = WorkerSettings(
    kafka_bootstrap_servers="unused", schema_registry_url="http://unused", inference_url="http://unused"
)


@dataclass
class World:
    """What the activities reach: each raises the errors it was given, one per call, and then works."""

    model_errors: list[Exception] = field(default_factory=list)
    lake_errors: list[Exception] = field(default_factory=list)
    database_errors: list[Exception] = field(default_factory=list)
    history_errors: list[Exception] = field(default_factory=list)
    model_calls: int = 0
    lake_calls: list[Mark | None] = field(default_factory=list)
    rows: dict[str, Mapping[str, object]] = field(default_factory=dict)
    stored: list[str] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)
    asked: list[RetryStrategyRequest] = field(default_factory=list)

    async def score_fraud(self, request: FraudScoreRequest) -> FraudScore:
        self.model_calls += 1
        if self.model_errors:
            raise self.model_errors.pop(0)
        return FraudScore(score=0.12, risk_level="low")

    async def advise_retry(self, request: RetryStrategyRequest) -> RetryStrategyResponse:
        self.asked.append(request)
        if self.model_errors:
            raise self.model_errors.pop(0)
        return RetryStrategyResponse(should_retry=True, delay_seconds=60, max_attempts=3)

    def mark(self) -> Mark:
        return NEW

    async def append(self, row: Mapping[str, object], *, absent_at: Mark | None) -> Outcome:
        self.lake_calls.append(absent_at)
        if self.lake_errors:
            raise self.lake_errors.pop(0)
        key = str(row["event_id"])
        outcome = Outcome.ALREADY_THERE if key in self.rows else Outcome.APPENDED
        self.rows[key] = row
        return outcome

    async def put(self, payment: ScoredPayment) -> None:
        if self.database_errors:
            raise self.database_errors.pop(0)
        self.stored.append(payment.event_id)

    async def attempts(self, event: PaymentEvent) -> int | None:
        self.looked_up.append(event.event_id)
        if self.history_errors:
            raise self.history_errors.pop(0)
        return 2

    async def write(self, letter: DeadLetter) -> None:
        self.letters.append(letter)


@dataclass
class Orchestrator:
    """A client and a task queue on which workers with a world run; `beside`: in one process with the consumer."""

    client: Client
    queue: str
    beside: bool = True
    opened: OpenWorkflows[Mark] = field(default_factory=lambda: OpenWorkflows(100, mark=lambda: NEW))

    @asynccontextmanager
    async def at_work(self, world: World) -> AsyncIterator[None]:
        lake = LakeActivities(world, self.opened if self.beside else None, lambda: NOON)
        events = events_worker(
            self.client,
            SETTINGS,
            queue=self.queue,
            book=RuleBook(),
            inference=world,
            store=world,
            dead_letters=world,
            lake=lake,
            runner=SandboxedWorkflowRunner(),
        )
        async with events, persist_worker(self.client, queue=self.queue, lake=lake):
            yield

    async def start(self, started: PaymentEvent) -> WorkflowHandle[PaymentEventWorkflow, Completion]:
        starter = WorkflowStarter(
            self.client,
            self.queue,
            opened=self.opened if self.beside else None,
            prepare=lambda: register(self.client, self.client.namespace),
        )
        await starter.start(started, PLACE)
        return self.client.get_workflow_handle_for(PaymentEventWorkflow.run, started.event_id)

    async def run(self, started: PaymentEvent, world: World) -> Completion:
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
