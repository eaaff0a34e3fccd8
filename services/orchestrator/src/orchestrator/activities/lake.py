"""Rows into Bronze."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Protocol

from kit.clock import Clock
from kit.errors import PipelineError, Rejected
from kit.lake import Mark, Outcome
from payments_contracts.pins.orchestrator import ScoredPayment
from payments_contracts.retry import UNKNOWN
from temporalio import activity

from orchestrator import metrics
from orchestrator.messages import PersistRequest
from orchestrator.open_workflows import OpenWorkflows
from orchestrator.policies import LAKE_HEARTBEAT_EVERY
from orchestrator.scoring import needs_attempt

_REMEMBERED = timedelta(days=1)
"""Less than Temporal's retention: so old an event may have had a workflow that nobody remembers.

How old it is, the provider says: what it sends again, or a person, was received a moment ago.
"""


_RECEIVED = "payment.succeeded"
"""The event that tells of money that came in: its family alone counts such."""


class NotHere(PipelineError):  # noqa: N818  # no failure: the way over the queue is taken instead
    """This process does not know that nobody else has written the row, so it must go to the committer's queue."""


class Committer(Protocol):
    """Commits rows in groups; returns once the row is in a committed snapshot, or raises Transient or Rejected."""

    def mark(self) -> Mark:
        """Return the state of the table that was seen last."""

    async def append(self, row: Mapping[str, object], *, absent_at: Mark | None) -> Outcome:
        """Have the row committed; `absent_at` names a state without it, None says that it may have been written."""


class LakeActivities:
    """Writes rows through the table's committer.

    Args:
        committer: See Committer.
        started: The workflows that were started in this process, if it starts any.
        clock: Returns the present time.
    """

    def __init__(self, committer: Committer, started: OpenWorkflows[Mark] | None, clock: Clock) -> None:
        self._committer = committer
        self._started = started
        self._clock = clock

    @activity.defn
    async def persist_to_iceberg(self, request: PersistRequest) -> Outcome:
        """Return once the row is in a committed snapshot, exactly once.

        Raises:
            NotHere: Beside the workflow, where another process may have been at it before.
            Transient: The table lacks a column of the row, or the committer ends; the row may have been written.
            Rejected: The row does not fit the table.
        """
        info = activity.info()
        if info.is_local:
            return await self._persist_at_once(request)
        known = not request.repeated and info.attempt == 1
        async with _heartbeats():
            return await self._append(request, self._committer.mark() if known else None)

    async def _persist_at_once(self, request: PersistRequest) -> Outcome:
        """Append the row of a workflow that began here: its process saw the table before anyone could write the row."""
        event_id = request.payment.event_id
        mark = None if self._started is None else self._started.take_mark(event_id, request.token)
        if mark is None:
            raise NotHere("the row may have been written by another process")
        return await self._append(request, mark)

    async def _append(self, request: PersistRequest, absent_at: Mark | None) -> Outcome:
        payment = request.payment
        if self._clock() - payment.provider_created_at > _REMEMBERED:
            # Temporal may have forgotten an earlier workflow of the event, which then began as if it were new.
            absent_at = None
        try:
            outcome = await self._committer.append(payment.model_dump(), absent_at=absent_at)
        except Rejected:
            self._end(request)
            raise
        self._end(request)
        if request.written_at is not None:
            waited = (self._clock() - request.written_at).total_seconds()
            metrics.NORMALIZED_TO_BRONZE_SECONDS.observe(max(0.0, waited))
        if outcome is Outcome.APPENDED:
            _count(payment)
            if payment.received_at is not None:
                taken = (self._clock() - payment.received_at).total_seconds()
                metrics.WEBHOOK_TO_BRONZE_SECONDS.observe(max(0.0, taken))
        return outcome

    def _end(self, request: PersistRequest) -> None:
        if self._started is not None:
            self._started.end(request.payment.event_id, request.token)


class AbsentCommitter:
    """Stands where a worker has no committer of its own: rows go over the committer's queue."""

    @activity.defn(name="persist_to_iceberg")
    async def persist_to_iceberg(self, _request: PersistRequest) -> Outcome:
        """Raise NotHere."""
        raise NotHere("this worker has no committer")


def _count(payment: ScoredPayment) -> None:
    """Count what a new row tells; here, so that an event that comes again counts once."""
    if payment.event_type == _RECEIVED and payment.livemode and payment.currency_exponent is not None:
        money = payment.amount_cents / 10**payment.currency_exponent
        metrics.MONEY.labels(payment.provider, payment.currency).inc(max(0.0, money))
    if payment.failure_category == UNKNOWN:
        metrics.UNKNOWN_FAILURES.labels(payment.provider).inc()
    if needs_attempt(payment):
        metrics.ATTEMPTS.labels(payment.attempt_source or "nobody").inc()
    if payment.fraud_score_source == "fallback":
        metrics.FALLBACKS.labels("fraud_score").inc()
    if payment.retry_strategy_source == "fallback":
        metrics.FALLBACKS.labels("retry_strategy").inc()


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
