"""How much work waits in Temporal, for a consumer whose workers are other processes."""

import asyncio
from collections.abc import Sequence

import structlog
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from orchestrator.temporal import RPC_TIMEOUT

_log = structlog.get_logger(__name__)
_EVERY_SECONDS = 1.0


class QueueBacklog:
    """Lets workflows be started as long as few tasks wait in the queues that they go through.

    What waits in Temporal costs it memory, disk and work at each look; in Kafka it costs nothing. The server's count is
    an estimate, asked for once a second.

    Args:
        client: Connects to Temporal.
        queues: Names of the queues with the kind of their tasks.
        limit: Tasks that may wait in any of them.
    """

    def __init__(self, client: Client, queues: Sequence[tuple[str, TaskQueueType.ValueType]], *, limit: int) -> None:
        self._client = client
        self._queues = queues
        self._limit = limit
        self._waiting = 0

    def room(self) -> int:
        """Return how many more workflows may be started now."""
        return max(0, self._limit - self._waiting)

    async def wait_for_room(self, seconds: float) -> None:
        """Return after a time."""
        await asyncio.sleep(seconds)

    async def watch(self) -> None:
        """Ask for ever; while Temporal is away, what it said last counts."""
        while True:
            try:
                self._waiting = max([await self._ask(name, kind) for name, kind in self._queues])
            except (RPCError, RuntimeError) as error:
                _log.debug("backlog_unknown", error=type(error).__name__)
            await asyncio.sleep(_EVERY_SECONDS)

    async def _ask(self, name: str, kind: TaskQueueType.ValueType) -> int:
        answer = await self._client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=self._client.namespace,
                task_queue=TaskQueue(name=name),
                task_queue_type=kind,
                report_stats=True,
            ),
            timeout=RPC_TIMEOUT,
        )
        return answer.stats.approximate_backlog_count
