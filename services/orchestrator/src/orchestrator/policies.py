"""How often each activity is tried again, and how long it may take: the outline's table, in one place.

Attempts are retries plus the first. No activity has a limit over all of its attempts: that would count time in which
no worker was there.
"""

from dataclasses import dataclass
from datetime import timedelta

from temporalio.common import RetryPolicy

REJECTED = "Rejected"
_FAULT = "Fault"

_EVENTS = "payment-events"
_PERSIST = "payment-persist"


def events_queue(suffix: str = "") -> str:
    """Return the task queue of workflows and all activities that any worker may do."""
    return _EVENTS + suffix


def persist_queue(events_queue: str) -> str:
    """Return the task queue of the table's committer that goes with a queue of workflows."""
    return events_queue.replace(_EVENTS, _PERSIST)


@dataclass(frozen=True, slots=True)
class ActivityPolicy:
    """Limits of an activity: `timeout` is that of one attempt."""

    timeout: timedelta
    retry: RetryPolicy


EXECUTION_TIMEOUT = timedelta(days=7)
"""Longer than any outage in which rows wait for the lake."""

VALIDATION = ActivityPolicy(
    timeout=timedelta(seconds=5),
    retry=RetryPolicy(initial_interval=timedelta(seconds=1), backoff_coefficient=1.0, maximum_attempts=1 + 3),
)

INFERENCE = ActivityPolicy(
    timeout=timedelta(seconds=5),
    retry=RetryPolicy(
        initial_interval=timedelta(milliseconds=200),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(seconds=5),
        maximum_attempts=1 + 5,
        non_retryable_error_types=[REJECTED, _FAULT],
    ),
)

LAKE = ActivityPolicy(
    timeout=timedelta(seconds=120),
    retry=RetryPolicy(
        initial_interval=timedelta(seconds=1),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(minutes=1),
        maximum_attempts=1 + 10,
        non_retryable_error_types=[REJECTED],
    ),
)
LAKE_HEARTBEAT_TIMEOUT = timedelta(seconds=10)
"""So soon is a row handed to another worker when its own has died."""
LAKE_HEARTBEAT_EVERY = timedelta(seconds=3)
LAKE_PAUSE = timedelta(minutes=2)
"""Between rounds of attempts: a row never gives up on the lake."""

DATABASE = ActivityPolicy(
    timeout=timedelta(seconds=5),
    retry=RetryPolicy(
        initial_interval=timedelta(milliseconds=500),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(seconds=8),
        maximum_attempts=1 + 5,
        non_retryable_error_types=[REJECTED, _FAULT],
    ),
)
