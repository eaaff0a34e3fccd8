"""What a process of the orchestrator is made of, whichever roles it has.

With all roles in one process a workflow costs least: it is started straight into the worker beside, and its row goes to
the committer beside. Apart, the consumer hands workflows to Temporal's queue, and workers hand rows to the committer's.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from typing import Any

from kit.clock import Clock
from kit.errors import gravest
from kit.kafka import RegistryClient
from kit.lake import GroupCommitter, Mark
from kit.metrics import MetricsServer
from kit.tracing import open_tracing
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.client import Client
from temporalio.worker import Worker

from orchestrator import metrics
from orchestrator.activities.lake import LakeActivities
from orchestrator.backlog import QueueBacklog
from orchestrator.bridge import Bridge, Gate
from orchestrator.circuit import Circuits
from orchestrator.committer import open_committer
from orchestrator.consumer import KafkaSessions, open_router
from orchestrator.database import PostgresStore
from orchestrator.dead_letters import DeadLetterTopic
from orchestrator.inference_client import InferenceClient
from orchestrator.look_ups import LookUps
from orchestrator.open_workflows import OpenWorkflows
from orchestrator.policies import events_queue, persist_queue
from orchestrator.refusals import Refusals
from orchestrator.roles import Assignment
from orchestrator.search import register
from orchestrator.settings import ConsumerSettings, WorkerSettings
from orchestrator.source import Arrival
from orchestrator.spans import Spans
from orchestrator.starter import WorkflowStarter
from orchestrator.temporal import connected_client, lazy_client
from orchestrator.worker import events_worker, persist_worker

Part = Coroutine[Any, Any, None]
Stages = Sequence[list[Callable[[asyncio.Event], Part]]]
Checks = dict[str, Callable[[], str | None]]


async def run(assignment: Assignment, clock: Clock, stop: asyncio.Event) -> None:
    """Do the work of the roles until `stop` is set, then finish what is under way.

    Raises:
        Fault: Something is wrong that waiting does not mend; whatever supervises the process may start it anew.
        Transient: What is asked only at start did not answer.
    """
    checks: Checks = {"start": lambda: "still starting"}
    program = assignment.program
    async with AsyncExitStack() as resources:
        resources.enter_context(MetricsServer(program.metrics_host, program.metrics_port, checks))
        process = _Process(assignment, clock, resources, checks)
        # What is built may wait for servers without end.
        building = asyncio.create_task(process.build())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({building, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not building.done():
            building.cancel()
            await asyncio.wait({building})
            return
        await _run_in_stages(building.result(), stop)


class _Process:
    """Builds the parts of a process."""

    def __init__(self, assignment: Assignment, clock: Clock, resources: AsyncExitStack, checks: Checks) -> None:
        self._program = assignment.program
        self._assignment = assignment
        self._clock = clock
        self._resources = resources
        self._checks = checks
        self._queue = events_queue(assignment.program.task_queue_suffix)
        self._letters: DeadLetterTopic | None = None
        tracing = open_tracing("orchestrator", assignment.program)
        if tracing is not None:
            resources.callback(tracing.close)
        self._spans = Spans(tracing)

    async def build(self) -> Stages:
        """Return the parts, by the order in which they are to be stopped."""
        consumer, worker = self._assignment.consumer, self._assignment.worker
        is_whole = consumer is not None and worker is not None
        committer = None
        if self._assignment.committer is not None:
            committer = await open_committer(
                self._assignment.committer,
                open_workflows=consumer.max_open_workflows if consumer is not None and is_whole else None,
            )
            self._checks["lake"] = committer.trouble
        opened = None
        if consumer is not None and is_whole and committer is not None:
            opened = OpenWorkflows(
                consumer.max_open_workflows,
                mark=committer.mark,
                before_commit=consumer.max_workflows_before_commit,
                hindrance=committer.trouble,
            )
        client = await self._client()
        # What is stopped first comes first: nothing new is read, what was begun is finished, its rows are committed.
        stages: Stages = ([], [], [])
        if consumer is not None:
            stages[0].extend(await self._reading(client, consumer, opened))
        workers = await self._workers(client, worker, committer, opened)
        stages[1].extend(_working(each) for each in workers)
        self._checks["workers"] = lambda: None if all(each.is_running for each in workers) else "not all workers run"
        if committer is not None:
            stages[2].append(committer.run)
        del self._checks["start"]
        return stages

    async def _client(self) -> Client:
        program = self._program
        if self._assignment.worker is None and self._assignment.committer is None:
            return await lazy_client(program)
        port = program.temporal_metrics_port
        return await connected_client(program, metrics_address=f"{program.metrics_host}:{port}" if port else None)

    async def _reading(
        self, client: Client, settings: ConsumerSettings, opened: OpenWorkflows[Mark] | None
    ) -> list[Callable[[asyncio.Event], Part]]:
        registry = self._resources.enter_context(RegistryClient(settings.registry))
        sessions = KafkaSessions(settings, await asyncio.to_thread(open_router, registry))
        namespace = self._program.temporal_namespace
        starter = WorkflowStarter(client, self._queue, opened=opened, prepare=lambda: register(client, namespace))
        self._checks |= {"kafka": sessions.check, "temporal": starter.check}
        gate: Gate
        parts: list[Callable[[asyncio.Event], Part]] = []
        if opened is None:
            queues = (
                (self._queue, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW),
                (persist_queue(self._queue), TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY),
            )
            gate = backlog = QueueBacklog(client, queues, limit=settings.max_waiting_tasks)
            parts.append(_until(backlog.watch))
        else:
            gate = opened

        refusals = Refusals(self._dead_letters(settings), settings.tolerance)

        async def start(arrival: Arrival) -> None:
            metrics.note_read(arrival.event.received_at, self._clock())
            with self._spans.starting(arrival.event, arrival.position):
                await starter.start(arrival.event, arrival.position)
            refusals.passed()

        bridge = Bridge(
            sessions.open,
            start,
            refusals.refuse,
            gate,
            max_in_flight=settings.max_starts_in_flight,
        )
        return [*parts, bridge.run]

    async def _workers(
        self,
        client: Client,
        settings: WorkerSettings | None,
        committer: GroupCommitter | None,
        opened: OpenWorkflows[Mark] | None,
    ) -> list[Worker]:
        lake = None if committer is None else LakeActivities(committer, opened, self._clock)
        workers = []
        if settings is not None:
            circuits = Circuits(
                threshold=settings.inference_circuit_failures, open_seconds=settings.inference_circuit_seconds
            )
            inference = await self._resources.enter_async_context(
                InferenceClient(
                    settings.inference_url, timeout_seconds=settings.inference_timeout_seconds, circuits=circuits
                )
            )
            store = None if settings.database_dsn is None else PostgresStore(settings.database_dsn)
            look_ups = None
            if store is not None and settings.database_dsn is not None:
                self._resources.push_async_callback(store.close)
                # A connection of its own: a look-up that is slow keeps no row waiting.
                source = PostgresStore(settings.database_dsn)
                self._resources.push_async_callback(source.close)
                look_ups = LookUps(source)
                await store.check(look_ups.check)
            workers.append(
                events_worker(
                    client,
                    settings,
                    queue=self._queue,
                    book=settings.rule_book,
                    inference=inference,
                    store=store,
                    dead_letters=self._dead_letters(settings),
                    lake=lake,
                    look_ups=look_ups,
                    spans=self._spans,
                )
            )
        if lake is not None:
            workers.append(persist_worker(client, queue=self._queue, lake=lake, spans=self._spans))
        return workers

    def _dead_letters(self, settings: ConsumerSettings | WorkerSettings) -> DeadLetterTopic:
        if self._letters is None:
            self._letters = DeadLetterTopic(settings.kafka, settings.registry, self._clock)
            self._resources.push_async_callback(self._letters.close)
        return self._letters


def _working(worker: Worker) -> Callable[[asyncio.Event], Part]:
    async def work(stop: asyncio.Event) -> None:
        # Leaving it finishes the workflows and activities under way; what breaks it is raised here.
        async with worker:
            await stop.wait()

    return work


def _until(work: Callable[[], Awaitable[None]]) -> Callable[[asyncio.Event], Part]:
    async def run(stop: asyncio.Event) -> None:
        task = asyncio.ensure_future(work())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for each in (task, stopping):
            each.cancel()
        if task.done() and not task.cancelled():
            task.result()

    return run


async def _run_in_stages(stages: Stages, stop: asyncio.Event) -> None:
    """Run all parts; when told to stop, stop one stage after the other. A part that breaks ends all."""
    stops = [asyncio.Event() for _ in stages]

    async def stop_in_turn(tasks: list[list[asyncio.Task[None]]]) -> None:
        await stop.wait()
        for event, running in zip(stops, tasks, strict=True):
            event.set()
            if running:
                await asyncio.wait(running)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                [group.create_task(part(event)) for part in parts] for parts, event in zip(stages, stops, strict=True)
            ]
            group.create_task(stop_in_turn(tasks))
    except ExceptionGroup as errors:
        raise gravest(errors) from errors
