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


def test_a_row_beats_several_times_before_its_worker_is_taken_for_dead() -> None:
    assert policies.LAKE_HEARTBEAT_EVERY * 3 <= policies.LAKE_HEARTBEAT_TIMEOUT < policies.LAKE.timeout


def test_the_committers_queue_goes_with_the_queue_of_the_workflows() -> None:
    assert policies.persist_queue(policies.events_queue()) == "payment-persist"
    assert policies.persist_queue(policies.events_queue("-test")) == "payment-persist-test"
