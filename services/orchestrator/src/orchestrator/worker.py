"""The worker program: what `orchestrator worker` is made of.

Two Temporal workers share a process: one for workflows and the activities that any process may do, one for the
table's only committer.
"""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

from kit.clock import Clock
from kit.lake import GroupCommitter, load_catalog, open_target
from kit.metrics import MetricsServer
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS
from temporalio.client import Client
from temporalio.worker import Worker

from orchestrator.activities.database import DatabaseActivities
from orchestrator.activities.inference import Inference, InferenceActivities
from orchestrator.activities.lake import LakeActivities
from orchestrator.activities.validation import ValidationActivities
from orchestrator.database import PostgresStore
from orchestrator.inference_client import InferenceClient
from orchestrator.policies import events_queue, persist_queue
from orchestrator.rules import RuleBook
from orchestrator.settings import WorkerSettings
from orchestrator.temporal import connected_client
from orchestrator.workflow import PaymentEventWorkflow

_DRAIN = timedelta(seconds=15)
_ACTIVITIES_PER_GROUP = 4


async def open_committer(settings: WorkerSettings) -> GroupCommitter:
    """Make the committer of the Bronze table; the caller enters and leaves it.

    Raises:
        Fault: The table does not exist.
        Transient: The catalog does not answer.
    """
    (key,) = BRONZE_PAYMENT_EVENTS.key

    def open_blocking() -> GroupCommitter:
        target = open_target(
            load_catalog(settings),
            tuple(settings.lake_table.split(".")),
            key=key,
            narrow_by="processed_at",
            keep_snapshots=settings.commit_keep_snapshots,
        )
        return GroupCommitter(target, key=key, policy=settings.group_policy)

    return await asyncio.to_thread(open_blocking)


def build_workers(
    client: Client,
    settings: WorkerSettings,
    *,
    book: RuleBook,
    inference: Inference,
    committer: GroupCommitter,
    store: PostgresStore | None,
    clock: Clock,
) -> tuple[Worker, Worker]:
    """Make both workers of a process: workflows with their activities, and the committer's."""
    queue = events_queue(settings.task_queue_suffix)
    scoring = InferenceActivities(inference)
    events = Worker(
        client,
        task_queue=queue,
        workflows=[PaymentEventWorkflow],
        activities=[
            ValidationActivities(book).validate_business_rules,
            scoring.get_fraud_score,
            scoring.get_retry_strategy,
            DatabaseActivities(store).persist_to_database,
        ],
        max_concurrent_workflow_tasks=settings.max_workflow_tasks,
        max_concurrent_activities=settings.max_activities,
        graceful_shutdown_timeout=_DRAIN,
    )
    persist = Worker(
        client,
        task_queue=persist_queue(queue),
        activities=[LakeActivities(committer, clock).persist_to_iceberg],
        # One group commits while the next ones gather.
        max_concurrent_activities=_ACTIVITIES_PER_GROUP * settings.commit_max_rows,
        graceful_shutdown_timeout=_DRAIN,
    )
    return events, persist


async def run_worker(settings: WorkerSettings, clock: Clock, stop: asyncio.Event) -> None:
    """Work on workflows until `stop` is set, then finish the activities under way and commit their rows.

    Raises:
        Fault: The Bronze table does not exist, that of the database lacks something, or a worker broke.
        Transient: The catalog does not answer at start.
    """
    metrics_address = f"{settings.metrics_host}:{settings.temporal_metrics_port}"
    client = await connected_client(
        settings.temporal_address,
        settings.temporal_namespace,
        metrics_address=metrics_address if settings.temporal_metrics_port else None,
    )
    async with AsyncExitStack() as resources:
        committer = await resources.enter_async_context(await open_committer(settings))
        inference = await resources.enter_async_context(
            InferenceClient(settings.inference_url, timeout_seconds=settings.inference_timeout_seconds)
        )
        store = None if settings.database_dsn is None else PostgresStore(settings.database_dsn)
        if store is not None:
            resources.push_async_callback(store.close)
            await store.check()
        workers = build_workers(
            client,
            settings,
            book=settings.rule_book,
            inference=inference,
            committer=committer,
            store=store,
            clock=clock,
        )
        checks = {
            "committer": lambda: None if committer.alive else "the committer has stopped",
            "workers": lambda: None if all(worker.is_running for worker in workers) else "not all workers run",
        }
        with MetricsServer(settings.metrics_host, settings.metrics_port, checks):
            for worker in workers:
                await resources.enter_async_context(worker)
            await stop.wait()
