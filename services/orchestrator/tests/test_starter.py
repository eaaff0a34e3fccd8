import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from kit.errors import Fault
from orchestrator.temporal import WorkflowStarter
from payments_contracts.records import PaymentEventV2
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

MakeEvent = Callable[..., PaymentEventV2]


class Temporal:
    """A client that raises the errors it was given, one per call, and then starts workflows."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls: list[dict[str, Any]] = []
        self.asking = 0
        self.most_asking = 0
        self.on_call: Callable[[], None] = lambda: None

    async def start_workflow(self, _run: object, event: PaymentEventV2, **options: Any) -> None:
        self.calls.append({"event": event, **options})
        self.on_call()
        self.asking += 1
        self.most_asking = max(self.most_asking, self.asking)
        await asyncio.sleep(0.001)
        self.asking -= 1
        if self.errors:
            raise self.errors.pop(0)


def starter_of(temporal: Temporal) -> WorkflowStarter:
    client: Any = temporal
    return WorkflowStarter(client, "payment-events", wait_max_seconds=0.01)


def refusal(status: RPCStatusCode) -> RPCError:
    return RPCError("no", status, b"")


async def test_the_workflows_id_is_the_events_and_never_used_twice(make_event: MakeEvent) -> None:
    temporal = Temporal()
    event = make_event()
    await starter_of(temporal).start(event)
    (call,) = temporal.calls
    assert call["id"] == event.event_id
    assert call["id_reuse_policy"] is WorkflowIDReusePolicy.REJECT_DUPLICATE
    assert call["id_conflict_policy"] is WorkflowIDConflictPolicy.USE_EXISTING


async def test_a_workflow_that_was_there_before_is_as_good(make_event: MakeEvent) -> None:
    temporal = Temporal(WorkflowAlreadyStartedError("e", "PaymentEventWorkflow"))
    await starter_of(temporal).start(make_event())
    assert len(temporal.calls) == 1


@pytest.mark.parametrize(
    "error",
    [
        refusal(RPCStatusCode.UNAVAILABLE),
        refusal(RPCStatusCode.DEADLINE_EXCEEDED),
        refusal(RPCStatusCode.RESOURCE_EXHAUSTED),
        RuntimeError("Failed client connect"),
    ],
    ids=str,
)
async def test_waits_while_temporal_is_away_and_says_so(make_event: MakeEvent, error: Exception) -> None:
    temporal = Temporal(error, error, error)
    starter = starter_of(temporal)
    seen: list[str | None] = []
    temporal.on_call = lambda: seen.append(starter.check())
    await starter.start(make_event())
    assert [trouble is not None for trouble in seen] == [False, True, True, True]
    assert starter.check() is None


@pytest.mark.parametrize("status", [RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT])
async def test_a_refusal_is_a_fault(make_event: MakeEvent, status: RPCStatusCode) -> None:
    with pytest.raises(Fault, match=status.name):
        await starter_of(Temporal(refusal(status))).start(make_event())


async def test_of_many_starts_that_wait_one_at_a_time_asks_again(make_event: MakeEvent) -> None:
    away = [refusal(RPCStatusCode.UNAVAILABLE) for _ in range(30)]
    temporal = Temporal(*away)
    starter = starter_of(temporal)
    first_round = asyncio.gather(*(starter.start(make_event(event_id=str(n))) for n in range(20)))
    await asyncio.sleep(0)
    temporal.most_asking = 0
    await asyncio.sleep(0.005)
    temporal.most_asking = 0
    await first_round
    assert temporal.most_asking == 1
    assert {call["id"] for call in temporal.calls} == {str(n) for n in range(20)}
