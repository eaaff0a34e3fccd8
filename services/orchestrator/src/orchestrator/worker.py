"""The workers of a process: one for workflows and what any worker may do, one for the table's committer."""

from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import PollerBehaviorSimpleMaximum, UnsandboxedWorkflowRunner, Worker, WorkflowRunner

from orchestrator.activities.database import DatabaseActivities, PaymentStore
from orchestrator.activities.dead_letters import DeadLetterActivities, DeadLetters
from orchestrator.activities.inference import Inference, InferenceActivities
from orchestrator.activities.lake import AbsentCommitter, LakeActivities
from orchestrator.activities.validation import ValidationActivities
from orchestrator.look_ups import LookUps
from orchestrator.policies import LAKE_HEARTBEAT_THROTTLE, persist_queue
from orchestrator.rules import RuleBook
from orchestrator.settings import WorkerSettings
from orchestrator.spans import EventInterceptor, Spans
from orchestrator.workflow import PaymentEventWorkflow

_DRAIN = timedelta(seconds=15)
# Rows that wait in the committer; each takes a place while it waits.
_ROWS_WAITING = 2_000
# Each poll that waits costs the server something, and two keep up with what one process can do.
_POLLS = PollerBehaviorSimpleMaximum(2)


def events_worker(
    client: Client,
    settings: WorkerSettings,
    *,
    queue: str,
    book: RuleBook,
    inference: Inference,
    store: PaymentStore | None,
    dead_letters: DeadLetters,
    lake: LakeActivities | None,
    look_ups: LookUps | None = None,
    spans: Spans | None = None,
    runner: WorkflowRunner | None = None,
) -> Worker:
    """Make the worker of workflows and their activities.

    Args:
        client: A connected client.
        settings: Its limits.
        queue: Task queue of the workflows.
        book: What the rules compare with.
        inference: The models.
        store: The operational database, if there is one.
        dead_letters: Keeps what can have no row.
        lake: Writes rows, if the process has a committer.
        look_ups: What is known around events; without it rules that need it are undecided.
        spans: Surrounds activities; without it they are only named in logs.
        runner: Runs workflow code. Unless told otherwise in the open: the sandbox would import the workflow anew for
            each event, a third of its cost; tests and replays keep it, and what it guards against is caught there.
    """
    scoring = InferenceActivities(inference, look_ups)
    rows = DatabaseActivities(store)
    return Worker(
        client,
        task_queue=queue,
        workflows=[PaymentEventWorkflow],
        activities=[
            ValidationActivities(book, look_ups).validate_business_rules,
            scoring.get_fraud_score,
            scoring.get_retry_strategy,
            (lake or AbsentCommitter()).persist_to_iceberg,
            rows.persist_to_database,
            rows.count_attempts,
            DeadLetterActivities(dead_letters).dead_letter,
        ],
        workflow_runner=runner or UnsandboxedWorkflowRunner(),
        max_concurrent_workflow_tasks=settings.max_workflow_tasks,
        # A workflow scores and is advised side by side.
        max_concurrent_local_activities=2 * settings.max_workflow_tasks,
        max_concurrent_activities=settings.max_activities,
        workflow_task_poller_behavior=_POLLS,
        activity_task_poller_behavior=_POLLS,
        graceful_shutdown_timeout=_DRAIN,
        interceptors=[EventInterceptor(spans or Spans(None))],
    )


def persist_worker(client: Client, *, queue: str, lake: LakeActivities, spans: Spans | None = None) -> Worker:
    """Make the worker that takes rows from workflows of other processes, and those whose short way took too long."""
    return Worker(
        client,
        task_queue=persist_queue(queue),
        activities=[lake.persist_to_iceberg],
        max_concurrent_activities=_ROWS_WAITING,
        activity_task_poller_behavior=_POLLS,
        max_heartbeat_throttle_interval=LAKE_HEARTBEAT_THROTTLE,
        graceful_shutdown_timeout=_DRAIN,
        interceptors=[EventInterceptor(spans or Spans(None))],
    )
