"""What the orchestrator measures; labels come from closed sets."""

from datetime import datetime, timedelta

from payments_contracts.labels import PROVIDERS
from prometheus_client import Counter, Gauge, Histogram

STARTS = Counter("orchestrator_workflow_starts", "Workflows asked for, by answer.", ["answer"])
START_FAILURES = Counter("orchestrator_workflow_start_failures", "Failed tries to start a workflow.")
IN_FLIGHT = Gauge("orchestrator_starts_in_flight", "Records read whose workflow start is not durable yet.")
OPEN_WORKFLOWS = Gauge("orchestrator_open_workflows", "Workflows started here whose row is not committed yet.")
OPEN_WORKFLOWS_ALLOWED = Gauge(
    "orchestrator_open_workflows_allowed", "Workflows that may be open here, by how long they take."
)
START_SECONDS = Histogram(
    "orchestrator_workflow_start_seconds",
    "Time until a workflow start was durable, retries included.",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 30.0),
)
COMMITS = Counter("orchestrator_offset_commits", "Commits of Kafka offsets.")
WEBHOOK_TO_NORMALIZED_SECONDS = Histogram(
    "orchestrator_webhook_to_normalized_seconds",
    "From a webhook's receipt until its normalized record was read here; none of more than an hour ago.",
    buckets=(0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0),
)
NORMALIZED_TO_BRONZE_SECONDS = Histogram(
    "orchestrator_normalized_to_bronze_seconds",
    "How long an event had been on its topic when its row was committed to Bronze.",
    buckets=(0.1, 0.2, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0),
)
WEBHOOK_TO_BRONZE_SECONDS = Histogram(
    "orchestrator_webhook_to_bronze_seconds",
    "How long after its webhook had been received an event's row was committed to Bronze; sent again, since the first.",
    buckets=(0.2, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0),
)
FALLBACKS = Counter(
    "orchestrator_fallbacks", "Rows that carry a fallback because a model was away, by what it stands for.", ["verdict"]
)
CIRCUIT_OPEN = Gauge("orchestrator_inference_circuit_open", "1 while the inference service is not asked.", ["model"])
DEAD_LETTERS = Counter("orchestrator_dead_letters", "Events that were dead-lettered here, by reason.", ["reason"])
UNKNOWN_FAILURES = Counter(
    "orchestrator_unknown_failure",
    "Events, by provider, whose failure has a code that no table of the contracts lists.",
    ["provider"],
)
ATTEMPTS = Counter(
    "orchestrator_attempts",
    "Failed attempts at payments and invoices, by who counts them: provider, history, or nobody.",
    ["source"],
)
LOOK_UP_SECONDS = Histogram(
    "orchestrator_look_up_seconds",
    "Time of a statement that answers what the events of a moment ask the operational database, by what is asked.",
    ["asked"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0),
)
LOOK_UP_FAILURES = Counter(
    "orchestrator_look_up_failures",
    "Times that what the operational database knows around events could not be asked, by what was asked.",
    ["asked"],
)
MONEY = Counter(
    "orchestrator_money_received",
    "Money of succeeded live payments, as new rows of Bronze tell it, in the currency's major unit.",
    ["provider", "currency"],
)
DATABASE_ROWS = Counter(
    "orchestrator_database_rows", "Rows put into the operational database: stored, or there before.", ["outcome"]
)
DATABASE_ROWS_MENDED = Counter(
    "orchestrator_database_rows_mended",
    "Rows stored in the operational database with U+FFFD for characters that it cannot hold.",
)
DATABASE_ROWS_REJECTED = Counter(
    "orchestrator_database_rows_rejected", "Rows that the operational database refuses for what is in them."
)

_LATE = timedelta(hours=1)
_LETTERS = (
    *("avro_unreadable", "database_row_rejected", "event_refused", "event_too_large", "internal_error"),
    *("record_empty", "record_invalid", "row_rejected", "schema_unknown", "version_unknown", "wire_format"),
)
"""Why events are dead-lettered here, of the contracts' reasons."""


def _begin_at_zero() -> None:
    """Show each series from the start: one that appears with its first event has not grown for `rate`."""
    for answer in ("accepted", "was_there", "accepted_again"):
        STARTS.labels(answer)
    for verdict in ("fraud_score", "retry_strategy"):
        FALLBACKS.labels(verdict)
        CIRCUIT_OPEN.labels(verdict)
    for source in ("provider", "history", "nobody"):
        ATTEMPTS.labels(source)
    for outcome in ("stored", "unchanged"):
        DATABASE_ROWS.labels(outcome)
    for reason in _LETTERS:
        DEAD_LETTERS.labels(reason)
    for provider in PROVIDERS:
        UNKNOWN_FAILURES.labels(provider)


_begin_at_zero()


def note_read(received_at: datetime | None, now: datetime) -> None:
    """Measure the way of an event's record to here. One of long ago was sent again, and tells nothing of that way."""
    if received_at is not None and (taken := now - received_at) < _LATE:
        WEBHOOK_TO_NORMALIZED_SECONDS.observe(max(0.0, taken.total_seconds()))
