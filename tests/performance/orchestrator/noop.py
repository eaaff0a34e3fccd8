"""A workflow that returns at once, started eagerly by its own worker: `python -m tests.performance.orchestrator.noop`.

What Temporal costs whoever uses it at all. Reads a `Task` as JSON from standard input, says when it is ready, waits for
a line, starts the workflows, and says what came out: JSON lines both.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from dataclasses import asdict, dataclass

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

_WARM_UP = 20
_NAME = "Nothing"


@dataclass(frozen=True)
class Task:
    """How many workflows, at which rate a second (0: as fast as slots come free), with how many slots."""

    address: str
    namespace: str
    count: int
    rate: float
    slots: int


@dataclass(frozen=True)
class Outcome:
    """From the first start to the last completion, in seconds; and the CPU time of this process meanwhile."""

    seconds: float
    cpu_seconds: float


@workflow.defn(name=_NAME)
class Nothing:
    """Does nothing."""

    @workflow.run
    async def run(self) -> None:
        """Return."""


async def _start(client: Client, queue: str, slots: asyncio.Semaphore) -> None:
    async with slots:
        handle = await client.start_workflow(_NAME, id=str(uuid.uuid4()), task_queue=queue, request_eager_start=True)
        await handle.result()


async def _start_and_forget(client: Client, queue: str) -> None:
    await client.start_workflow(_NAME, id=str(uuid.uuid4()), task_queue=queue, request_eager_start=True)


async def _measure(task: Task) -> Outcome:
    client = await Client.connect(task.address, namespace=task.namespace)
    queue = f"bench-{uuid.uuid4()}"
    worker = Worker(
        client,
        task_queue=queue,
        workflows=[Nothing],
        max_concurrent_workflow_tasks=task.slots,
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    async with worker:
        slots = asyncio.Semaphore(task.slots)
        await asyncio.gather(*(_start(client, queue, slots) for _ in range(_WARM_UP)))
        _print({"ready": True})
        await asyncio.to_thread(sys.stdin.readline)
        used, began = time.process_time(), time.perf_counter()
        if task.rate:
            async with asyncio.TaskGroup() as group:
                for number in range(task.count):
                    await asyncio.sleep(began + number / task.rate - time.perf_counter())
                    # Nobody asks for the result of an event's workflow either.
                    group.create_task(_start_and_forget(client, queue))
        else:
            async with asyncio.TaskGroup() as group:
                for _ in range(task.count):
                    await slots.acquire()
                    started = group.create_task(_start_and_forget(client, queue))
                    started.add_done_callback(lambda _: slots.release())
        # All others have been given out by now, and each is over with its one task: so they are when this one is.
        await _start(client, queue, asyncio.Semaphore(1))
        return Outcome(time.perf_counter() - began, time.process_time() - used)


def _print(content: object) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


def main() -> None:
    task = Task(**json.loads(sys.stdin.readline()))
    _print(asdict(asyncio.run(_measure(task))))


if __name__ == "__main__":
    main()
