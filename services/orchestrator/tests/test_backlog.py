import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from orchestrator import backlog
from orchestrator.backlog import QueueBacklog
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.service import RPCError, RPCStatusCode

QUEUES = (
    ("payment-events", TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW),
    ("payment-persist", TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY),
)


class Temporal:
    """Tells how many tasks wait in each queue, or is away."""

    namespace = "payments"

    def __init__(self) -> None:
        self.waiting = {name: 0 for name, _ in QUEUES}
        self.is_away = False
        self.asked = 0
        self.workflow_service = SimpleNamespace(describe_task_queue=self.describe)

    async def describe(self, request: Any, **_options: object) -> object:
        self.asked += 1
        if self.is_away:
            raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")
        return SimpleNamespace(stats=SimpleNamespace(approximate_backlog_count=self.waiting[request.task_queue.name]))


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "_EVERY_SECONDS", 0.002)


async def room_once(backlog: QueueBacklog, holds: Callable[[int], bool]) -> int:
    watching = asyncio.create_task(backlog.watch())
    async with asyncio.timeout(10):
        while not holds(backlog.room()):
            await backlog.wait_for_room(0.002)
    watching.cancel()
    return backlog.room()


def backlog_of(temporal: Temporal) -> QueueBacklog:
    client: Any = temporal
    return QueueBacklog(client, QUEUES, limit=100)


async def test_the_fuller_queue_decides_how_many_workflows_may_start() -> None:
    temporal = Temporal()
    temporal.waiting = {"payment-events": 30, "payment-persist": 80}
    assert await room_once(backlog_of(temporal), lambda room: room < 100) == 20


async def test_nothing_is_started_while_too_much_waits() -> None:
    temporal = Temporal()
    temporal.waiting["payment-events"] = 5_000
    assert await room_once(backlog_of(temporal), lambda room: room < 100) == 0


async def test_while_temporal_is_away_its_last_word_counts() -> None:
    temporal = Temporal()
    temporal.waiting["payment-events"] = 40
    backlog = backlog_of(temporal)
    await room_once(backlog, lambda room: room == 60)
    temporal.is_away = True
    asked = temporal.asked
    assert await room_once(backlog, lambda _room: temporal.asked > asked + 2) == 60
