from datetime import timedelta

import pytest
from orchestrator import policies
from temporalio.common import RetryPolicy


@pytest.mark.parametrize(
    ("policy", "retries"),
    [
        (policies.VALIDATION.retry, 3),
        (policies.INFERENCE.retry, 5),
        (policies.LAKE.retry, 10),
        (policies.DATABASE.retry, 5),
    ],
)
def test_each_activity_is_retried_as_often_as_the_outline_says(policy: RetryPolicy, retries: int) -> None:
    assert policy.maximum_attempts == 1 + retries


def test_a_stall_of_ten_seconds_loses_no_attempt() -> None:
    # The server hears of a heartbeat as often as the throttle lets through; a stall may begin just before one.
    assert policies.LAKE_HEARTBEAT_EVERY < policies.LAKE_HEARTBEAT_THROTTLE
    assert policies.LAKE_HEARTBEAT_THROTTLE + timedelta(seconds=10) < policies.LAKE_HEARTBEAT_TIMEOUT
    assert timedelta(seconds=10) < policies.TASK_TIMEOUT


def test_a_workflow_task_is_over_before_the_server_gives_it_to_another_worker() -> None:
    # Beyond 0.8 of the timeout the SDK asks for more time, which costs events in the history.
    for policy in (policies.INFERENCE, policies.LAKE, policies.DATABASE):
        assert policy.beside is not None
        assert policy.beside < 0.8 * policies.TASK_TIMEOUT


def test_a_retry_policy_is_told_in_words() -> None:
    assert policies.VALIDATION.summary == "3 retries, after 1 s each time"
    assert policies.INFERENCE.summary == "5 retries, after 0.2 s doubled each time"
    assert policies.DEAD_LETTER.summary == "retried until it succeeds, after 1 s doubled each time"


def test_the_committers_queue_goes_with_the_queue_of_the_workflows() -> None:
    assert policies.persist_queue(policies.events_queue()) == "payment-persist"
    assert policies.persist_queue(policies.events_queue("-test")) == "payment-persist-test"


@pytest.mark.parametrize("policy", [policies.LAKE, policies.DATABASE])
def test_a_row_that_waits_in_a_queue_is_tried_without_end(policy: policies.ActivityPolicy) -> None:
    retry = policy.without_end.retry
    assert retry.maximum_attempts == 0
    assert retry.non_retryable_error_types == policy.retry.non_retryable_error_types
    assert policy.without_end.summary.startswith("retried until it succeeds")
