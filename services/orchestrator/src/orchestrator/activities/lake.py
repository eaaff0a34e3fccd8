"""Rows into Bronze."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

from kit.clock import Clock
from kit.lake import Mark, Outcome
from temporalio import activity

from orchestrator import metrics
from orchestrator.messages import PersistRequest
from orchestrator.policies import LAKE_HEARTBEAT_EVERY


class Committer(Protocol):
    """Commits rows in groups; returns once the row is in a committed snapshot, or raises Transient or Rejected."""

    def mark(self) -> Mark:
        """Return the newest state of the table that was seen."""

    async def append(self, row: Mapping[str, object], *, absent_at: Mark | None) -> Outcome:
        """Have the row committed; None says that an earlier attempt may have done so already."""


class LakeActivities:
    """Writes rows through the table's one committer."""

    def __init__(self, committer: Committer, clock: Clock) -> None:
        self._committer = committer
        self._clock = clock

    @activity.defn
    async def persist_to_iceberg(self, request: PersistRequest) -> Outcome:
        """Return once the row is in a committed snapshot, exactly once.

        Raises:
            Transient: The committer was stopped, or the table lacks a column; the row may have been written.
            Rejected: The row does not fit the table.
        """
        repeated = request.repeated or activity.info().attempt > 1
        absent_at = None if repeated else self._committer.mark()
        async with _heartbeats():
            outcome = await self._committer.append(request.payment.model_dump(), absent_at=absent_at)
        waited = self._clock() - request.payment.processed_at
        metrics.NORMALIZED_TO_BRONZE_SECONDS.observe(max(0.0, waited.total_seconds()))
        return outcome


@asynccontextmanager
async def _heartbeats() -> AsyncIterator[None]:
    """Let the server know that this worker lives while a row waits for its group."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(LAKE_HEARTBEAT_EVERY.total_seconds())
            activity.heartbeat()

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
