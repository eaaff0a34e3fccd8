"""How often each activity is tried again, and how long it may take: the outline's table, in one place.

Attempts are retries plus the first. Activities run beside the workflow, as local activities: a result then costs one
marker in the history instead of three events and two round trips. The two that write rows have a second way: when the
short way takes too long, they are handed to a task queue, where waiting costs nothing (docs/decisions/0017).
"""

from dataclasses import dataclass, replace
from datetime import timedelta

from temporalio.common import RetryPolicy

REJECTED = "Rejected"
UNAVAILABLE = "Unavailable"
NOT_HERE = "NotHere"
_FAULT = "Fault"

_PAUSE = timedelta(minutes=2)
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
    """Limits of an activity.

    Attributes:
        timeout: Limit of one attempt.
        retry: How often it is tried again, and when.
        beside: Limit of all attempts beside the workflow; None where nothing but `retry` ends them.
    """

    timeout: timedelta
    retry: RetryPolicy
    beside: timedelta | None = None

    @property
    def without_end(self) -> "ActivityPolicy":
        """The same, but for a row that waits in a queue: it is tried until it succeeds, or is rejected.

        Rounds of a number of attempts would lengthen the history, which has an end, and the workflow with it.
        """
        return replace(self, retry=replace(self.retry, maximum_attempts=0, maximum_interval=_PAUSE))

    @property
    def summary(self) -> str:
        """The retry policy in words, for whoever reads a workflow's history."""
        first = self.retry.initial_interval.total_seconds()
        pace = "doubled each time" if self.retry.backoff_coefficient == 2.0 else "each time"  # noqa: PLR2004  # a factor
        if not self.retry.maximum_attempts:
            return f"retried until it succeeds, after {first:g} s {pace}"
        return f"{self.retry.maximum_attempts - 1} retries, after {first:g} s {pace}"


TASK_TIMEOUT = timedelta(seconds=20)
"""How long a worker may be silent before its workflows go to another: a stall of 10 s loses nothing."""

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
        non_retryable_error_types=[REJECTED, UNAVAILABLE, _FAULT],
    ),
    # What a model that hangs may cost an event, until the circuit breaker knows.
    beside=timedelta(seconds=8),
)

LAKE = ActivityPolicy(
    # The committer holds a row for as long as the lake is away; only one whose committer is stuck is tried anew.
    timeout=timedelta(minutes=10),
    retry=RetryPolicy(
        initial_interval=timedelta(seconds=1),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(minutes=1),
        maximum_attempts=1 + 10,
        non_retryable_error_types=[REJECTED, NOT_HERE],
    ),
    beside=timedelta(seconds=6),
)
LAKE_HEARTBEAT_TIMEOUT = timedelta(seconds=30)
"""So soon is a row handed to another committer when its own has died."""
LAKE_HEARTBEAT_EVERY = timedelta(seconds=5)
LAKE_HEARTBEAT_THROTTLE = timedelta(seconds=15)
"""How often the SDK passes them on; left to itself it takes 0.8 of the timeout, and a stall of 10 s is too long."""

DATABASE = ActivityPolicy(
    timeout=timedelta(seconds=5),
    retry=RetryPolicy(
        initial_interval=timedelta(milliseconds=500),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(seconds=8),
        maximum_attempts=1 + 5,
        non_retryable_error_types=[REJECTED],
    ),
    beside=timedelta(seconds=4),
)

ATTEMPTS = ActivityPolicy(
    # What a database that is away may cost a failed payment; it is then advised on without a count.
    timeout=timedelta(seconds=5),
    retry=RetryPolicy(
        initial_interval=timedelta(milliseconds=200),
        backoff_coefficient=2.0,
        maximum_attempts=1 + 2,
        non_retryable_error_types=[REJECTED, _FAULT],
    ),
    beside=timedelta(seconds=5),
)

DEAD_LETTER = ActivityPolicy(
    timeout=timedelta(seconds=30),
    retry=RetryPolicy(
        initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(minutes=1)
    ),
)
