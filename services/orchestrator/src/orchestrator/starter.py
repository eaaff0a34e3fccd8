"""The start of workflows: one for each event, however often it is asked for."""

import asyncio
from collections.abc import Awaitable, Callable

import stamina
from kit.errors import Fault, Rejected, Transient
from kit.lake import Mark
from payments_contracts.pins.orchestrator import PaymentEvent
from payments_contracts.topics import NORMALIZED
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from orchestrator import metrics
from orchestrator.messages import START_MEMO, Position, Start
from orchestrator.open_workflows import OpenWorkflows
from orchestrator.policies import TASK_TIMEOUT
from orchestrator.search import at_start
from orchestrator.temporal import PASSING, RPC_TIMEOUT
from orchestrator.workflow import PaymentEventWorkflow

_WAS_THERE = "was_there"
MOST_BYTES = 2 * NORMALIZED.max_message_bytes
"""Largest event, as JSON, that gets a workflow.

Temporal takes a little more (`limit.blobSize.error`; by default, too): the row that the workflow hands on holds the
event and its scores, and one that is refused then would end it.
"""


class WorkflowStarter:
    """Starts the workflow of an event. Each event waits for Temporal by itself, so that none holds back another.

    Args:
        client: Connects to Temporal.
        task_queue: Queue of the workflows.
        opened: Counts the workflows of a process that has worker and committer too; there they start at once.
        prepare: Called before the first start: makes Temporal know the search attributes.
        wait_max_seconds: Longest pause between two tries.
    """

    def __init__(
        self,
        client: Client,
        task_queue: str,
        *,
        opened: OpenWorkflows[Mark] | None = None,
        prepare: Callable[[], Awaitable[None]] | None = None,
        wait_max_seconds: float = 5.0,
    ) -> None:
        self._client = client
        self._task_queue = task_queue
        self._opened = opened
        self._wait_max_seconds = wait_max_seconds
        self._prepare = prepare
        self._preparing = asyncio.Lock()
        self._trouble: str | None = None

    async def start(self, event: PaymentEvent, position: Position | None = None) -> None:
        """Return once the workflow of the event is durable, or was before; wait as long as Temporal is away.

        Raises:
            Rejected: The event is too large (`event_too_large`), or Temporal takes no such event, and never will.
            Fault: Temporal does not know the namespace, or lets nobody in.
        """
        if (size := len(event.model_dump_json().encode())) > MOST_BYTES:
            raise Rejected(f"the event has {size} bytes as JSON, and a workflow takes {MOST_BYTES}", "event_too_large")
        with metrics.START_SECONDS.time():
            async for attempt in stamina.retry_context(
                on=Transient, attempts=None, timeout=None, wait_initial=0.1, wait_max=self._wait_max_seconds
            ):
                with attempt:
                    await self._start_once(event, position)

    def check(self) -> str | None:
        """Say what is wrong with Temporal, as of the last start; None if nothing is."""
        return self._trouble

    async def _start_once(self, event: PaymentEvent, position: Position | None) -> None:
        try:
            await self._be_prepared()
            answer = await self._ask(event, position)
        except RPCError as error:
            raise self._family(error) from error
        except RuntimeError as error:
            # What a client raises that has never been connected.
            metrics.START_FAILURES.inc()
            self._trouble = "Temporal does not answer"
            raise Transient(self._trouble) from error
        self._trouble = None
        metrics.STARTS.labels(answer).inc()

    async def _be_prepared(self) -> None:
        async with self._preparing:
            if self._prepare is not None:
                await self._prepare()
                self._prepare = None

    async def _ask(self, event: PaymentEvent, position: Position | None) -> str:
        token = None if self._opened is None else self._opened.begin(event.event_id)
        answer = _WAS_THERE
        try:
            start = Start(
                position=position, token=token, counts_attempts=True, fails_without_row=True, tells_outcome=True
            )
            answer = await self._start_or_find(event, start)
        finally:
            if answer == _WAS_THERE and self._opened is not None:
                self._opened.withdraw(event.event_id, token)
        return answer

    async def _start_or_find(self, event: PaymentEvent, start: Start) -> str:
        try:
            await self._request(event, start)
        except WorkflowAlreadyStartedError:
            # It may have ended without success, as when somebody terminated it: then it may be started once more.
            try:
                await self._request(event, start.model_copy(update={"repeated": True}))
            except WorkflowAlreadyStartedError:
                return _WAS_THERE
            return "accepted_again"
        return "accepted"

    async def _request(self, event: PaymentEvent, start: Start) -> None:
        reuse = WorkflowIDReusePolicy
        await self._client.start_workflow(
            PaymentEventWorkflow.run,
            event,
            id=event.event_id,
            memo={START_MEMO: start},
            search_attributes=at_start(event),
            task_queue=self._task_queue,
            id_reuse_policy=reuse.ALLOW_DUPLICATE_FAILED_ONLY if start.repeated else reuse.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            task_timeout=TASK_TIMEOUT,
            rpc_timeout=RPC_TIMEOUT,
            request_eager_start=start.token is not None,
        )

    def _family(self, error: RPCError) -> Transient | Rejected | Fault:
        metrics.START_FAILURES.inc()
        if error.status is RPCStatusCode.RESOURCE_EXHAUSTED and "larger than max" in error.message:
            return Rejected("the event is larger than a request to Temporal may be", "event_too_large")
        if error.status in PASSING:
            self._trouble = f"Temporal answers {error.status.name}"
            return Transient(self._trouble)
        if error.status is RPCStatusCode.INVALID_ARGUMENT and "search attribute" in error.message:
            # They were added; each of its processes learns of that within some seconds.
            self._trouble = f"Temporal does not know the search attributes yet: {error.message}"
            return Transient(self._trouble)
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            too_large = "size exceeds limit" in error.message
            return Rejected(
                f"Temporal refuses the workflow: {error.message}", "event_too_large" if too_large else "event_refused"
            )
        return Fault(f"Temporal refuses to start a workflow: {error.status.name}: {error.message}")
