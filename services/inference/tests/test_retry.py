from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference.retry import advise
from payments_contracts.inference import RetryStrategyRequest, RetryStrategyResponse

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
PLAIN: dict[str, Any] = {
    "event_id": "e-1",
    "provider": "stripe",
    "merchant_id": "m-1",
    "failure_code": "processing_error",
    "attempt_count": 1,
    "amount_cents": 5_000,
    "currency": "USD",
    "failed_at": NOON,
}


def advice(**changes: Any) -> RetryStrategyResponse:
    return advise(RetryStrategyRequest(**PLAIN | changes))


@pytest.mark.parametrize("code", ["stolen_card", "expired_card", "authentication_required", "fraudulent"])
def test_never_retries_what_cannot_succeed(code: str) -> None:
    assert advice(failure_code=code) == RetryStrategyResponse(should_retry=False, delay_seconds=0, max_attempts=0)


def test_retries_a_processing_error_soon_and_then_less_often() -> None:
    delays = [advice(attempt_count=attempts).delay_seconds for attempts in (1, 2, 3, 4)]
    assert delays == [900, 1800, 3600, 7200]


def test_gives_up_after_the_last_attempt() -> None:
    last = advice(attempt_count=5)
    assert (last.should_retry, last.delay_seconds, last.max_attempts) == (False, 0, 5)


def test_waits_days_for_funds() -> None:
    assert advice(failure_code="insufficient_funds").delay_seconds == 24 * 3600


@pytest.mark.parametrize("code", [None, "some_other_providers_code"])
def test_treats_a_failure_it_does_not_know_with_patience(code: str | None) -> None:
    assert advice(failure_code=code) == RetryStrategyResponse(should_retry=True, delay_seconds=6 * 3600, max_attempts=3)


def test_an_attempt_that_would_fall_in_the_night_waits_for_the_morning() -> None:
    late = advice(failure_code="insufficient_funds", failed_at=NOON.replace(hour=2))
    assert late.delay_seconds == (24 + 4) * 3600


def test_the_night_is_that_of_utc_whatever_the_requests_time_zone() -> None:
    here = NOON.replace(hour=2)
    there = here.astimezone(timezone(timedelta(hours=9)))
    assert advice(failure_code=None, failed_at=there) == advice(failure_code=None, failed_at=here)


@given(
    code=st.none() | st.sampled_from(["processing_error", "insufficient_funds", "stolen_card", "other"]),
    attempts=st.integers(1, 10**6),
    hour=st.integers(0, 23),
)
def test_advice_is_equal_for_equal_requests_and_consistent(code: str | None, attempts: int, hour: int) -> None:
    changes = {"failure_code": code, "attempt_count": attempts, "failed_at": NOON + timedelta(hours=hour)}
    first, second = advice(**changes), advice(**changes)
    assert first == second
    assert first.should_retry is (attempts < first.max_attempts)
    assert (first.delay_seconds > 0) is first.should_retry
