import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from kit.errors import Fault, Rejected
from kit.lake import Mark
from orchestrator.messages import Position, Start
from orchestrator.open_workflows import OpenWorkflows
from orchestrator.starter import MOST_BYTES, WorkflowStarter
from payments_contracts.pins.orchestrator import PaymentEvent
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

MakeEvent = Callable[..., PaymentEvent]


class Temporal:
    """A client that raises the errors it was given, one per call, and then starts workflows."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls: list[dict[str, Any]] = []
        self.on_call: Callable[[], None] = lambda: None

    async def start_workflow(self, _run: object, event: PaymentEvent, **options: Any) -> None:
        self.calls.append({"event": event, **options})
        self.on_call()
        await asyncio.sleep(0.001)
        if self.errors:
            raise self.errors.pop(0)


ALREADY = WorkflowAlreadyStartedError("e", "PaymentEventWorkflow")
PLACE = Position(topic="t", partition=1, offset=7)


def starter_of(temporal: Temporal, opened: OpenWorkflows[Mark] | None = None) -> WorkflowStarter:
    client: Any = temporal
    return WorkflowStarter(client, "payment-events", opened=opened, wait_max_seconds=0.01)


def opened() -> OpenWorkflows[Mark]:
    return OpenWorkflows(10, mark=lambda: Mark(3))


def refusal(status: RPCStatusCode, words: str = "no") -> RPCError:
    return RPCError(words, status, b"")


async def test_the_workflows_id_is_the_events_and_never_used_twice(make_event: MakeEvent) -> None:
    temporal = Temporal()
    event = make_event()
    await starter_of(temporal).start(event, PLACE)
    (call,) = temporal.calls
    assert call["id"] == event.event_id
    assert call["id_reuse_policy"] is WorkflowIDReusePolicy.REJECT_DUPLICATE
    assert call["id_conflict_policy"] is WorkflowIDConflictPolicy.FAIL
    start = Start(position=PLACE, counts_attempts=True, fails_without_row=True, tells_outcome=True)
    assert call["memo"] == {"start": start}
    assert call["request_eager_start"] is False


async def test_a_workflow_begins_at_once_where_worker_and_committer_are_beside(make_event: MakeEvent) -> None:
    temporal, begun = Temporal(), opened()
    event = make_event()
    await starter_of(temporal, begun).start(event, PLACE)
    (call,) = temporal.calls
    assert call["request_eager_start"] is True
    token = call["memo"]["start"].token
    assert begun.take_mark(event.event_id, token) == Mark(3)


async def test_a_workflow_that_was_there_before_is_as_good(make_event: MakeEvent) -> None:
    temporal, begun = Temporal(ALREADY, ALREADY), opened()
    event = make_event()
    await starter_of(temporal, begun).start(event)
    assert len(temporal.calls) == 2
    assert begun.take_mark(event.event_id, temporal.calls[0]["memo"]["start"].token) is None
    assert begun.room() == 10


async def test_one_that_ended_without_success_is_started_again_and_its_row_looked_up(make_event: MakeEvent) -> None:
    temporal, begun = Temporal(ALREADY), opened()
    await starter_of(temporal, begun).start(make_event(), PLACE)
    again = temporal.calls[1]
    assert again["id_reuse_policy"] is WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY
    assert again["memo"]["start"].repeated
    # It is open, as any other.
    assert begun.room() == 9


async def test_an_event_that_is_under_way_here_keeps_its_mark(make_event: MakeEvent) -> None:
    begun = opened()
    event = make_event()
    first = Temporal()
    await starter_of(first, begun).start(event)
    await starter_of(Temporal(ALREADY, ALREADY), begun).start(event)
    assert begun.take_mark(event.event_id, first.calls[0]["memo"]["start"].token) == Mark(3)


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


@pytest.mark.parametrize("status", [RPCStatusCode.NOT_FOUND, RPCStatusCode.PERMISSION_DENIED])
async def test_a_refusal_of_everything_is_a_fault(make_event: MakeEvent, status: RPCStatusCode) -> None:
    with pytest.raises(Fault, match=status.name):
        await starter_of(Temporal(refusal(status))).start(make_event())


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (refusal(RPCStatusCode.INVALID_ARGUMENT, "Blob data size exceeds limit."), "event_too_large"),
        (refusal(RPCStatusCode.RESOURCE_EXHAUSTED, "grpc: received message larger than max"), "event_too_large"),
        (refusal(RPCStatusCode.INVALID_ARGUMENT, "WorkflowId length exceeds limit."), "event_refused"),
    ],
    ids=["payload", "request", "other"],
)
async def test_a_refusal_of_the_event_is_a_rejection(make_event: MakeEvent, error: Exception, code: str) -> None:
    begun = opened()
    with pytest.raises(Rejected) as rejection:
        await starter_of(Temporal(error), begun).start(make_event())
    assert rejection.value.reason_code == code
    assert begun.room() == 10


async def test_an_event_that_temporal_cannot_take_holds_no_other_back(make_event: MakeEvent) -> None:
    class OneShardStuck(Temporal):
        async def start_workflow(self, _run: object, event: PaymentEvent, **options: Any) -> None:
            if event.event_id == "bad":
                raise refusal(RPCStatusCode.UNAVAILABLE, "shard of this id is stuck")
            await super().start_workflow(_run, event, **options)

    hiccups = [refusal(RPCStatusCode.UNAVAILABLE) for _ in range(5)]
    starter = starter_of(OneShardStuck(*hiccups))
    bad = asyncio.create_task(starter.start(make_event(event_id="bad")))
    async with asyncio.timeout(10):
        await asyncio.gather(*(starter.start(make_event(event_id=f"good-{n}")) for n in range(5)))
        await starter.start(make_event(event_id="good-later"))
    assert not bad.done()
    bad.cancel()


@pytest.mark.parametrize("above", [0, 1])
async def test_an_event_that_could_not_be_handed_on_with_its_scores_gets_no_workflow(
    make_event: MakeEvent, above: int
) -> None:
    temporal = Temporal()
    plain = make_event(failure_message="")
    room = MOST_BYTES - len(plain.model_dump_json().encode())
    event = make_event(failure_message="x" * (room + above))
    if above:
        with pytest.raises(Rejected, match=f"has {MOST_BYTES + 1} bytes as JSON") as error:
            await starter_of(temporal).start(event)
        assert error.value.reason_code == "event_too_large"
    else:
        await starter_of(temporal).start(event)
    assert len(temporal.calls) == 1 - above


async def test_a_workflow_is_found_by_what_its_event_is_about(make_event: MakeEvent) -> None:
    temporal = Temporal()
    await starter_of(temporal).start(make_event(merchant_id="m\x00" + "x" * 400, status="failed"), PLACE)
    (call,) = temporal.calls
    found = {pair.key.name: pair.value for pair in call["search_attributes"].search_attributes}
    assert found == {
        "Merchant": "m\ufffd" + "x" * 253,
        "Provider": "stripe",
        "PaymentStatus": "failed",
        "Outcome": "under_way",
    }, "what the visibility store cannot hold would be tried again for ever"


async def test_what_temporal_has_not_learned_of_yet_is_waited_for(make_event: MakeEvent) -> None:
    words = "Namespace payments has no mapping defined for search attribute Merchant"
    temporal = Temporal(refusal(RPCStatusCode.INVALID_ARGUMENT, words))
    await starter_of(temporal).start(make_event(), PLACE)
    assert len(temporal.calls) == 2  # once more


async def test_temporal_is_prepared_before_the_first_start_and_once(make_event: MakeEvent) -> None:
    prepared: list[int] = []
    temporal = Temporal()
    errors = [refusal(RPCStatusCode.UNAVAILABLE)]

    async def prepare() -> None:
        if errors:
            raise errors.pop()
        prepared.append(len(temporal.calls))

    client: Any = temporal
    starter = WorkflowStarter(client, "payment-events", prepare=prepare, wait_max_seconds=0.01)
    await asyncio.gather(*(starter.start(make_event(event_id=str(number))) for number in range(3)))
    assert (prepared, len(temporal.calls)) == ([0], 3)
