from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference.retry import advise
from payments_contracts.inference import RetryStrategyRequest, RetryStrategyResponse
from payments_contracts.retry import HINTS, NETWORK_HINTS, RULES, STRICTNESS, UNKNOWN

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
HOUR = 3600
DAY = 24 * HOUR
PLAIN: dict[str, Any] = {
    "event_id": "e-1",
    "provider": "stripe",
    "merchant_id": "m-1",
    "failure_category": "processor_error",
    "attempt_count": 1,
    "amount_cents": 5_000,
    "currency": "USD",
    "failed_at": NOON,
}
CODES = st.none() | st.sampled_from([*HINTS, "other", ""])
NETWORKS = st.none() | st.sampled_from([*NETWORK_HINTS, "amex"])
NETWORK_CODES = st.none() | st.sampled_from([code for codes in NETWORK_HINTS.values() for code in codes]) | st.text()


def advice(**changes: Any) -> RetryStrategyResponse:
    return advise(RetryStrategyRequest(**PLAIN | changes))


@pytest.mark.parametrize(
    ("category", "action"),
    [
        ("expired_card", "new_method"),
        ("invalid_card", "new_method"),
        ("invalid_account", "new_method"),
        ("lost_or_stolen", "new_method"),
        ("not_supported", "new_method"),
        ("authentication_required", "customer"),
        ("customer_action", "customer"),
        ("fraud", "stop"),
        ("do_not_retry", "stop"),
        ("invalid_request", "stop"),
        ("unknown", "stop"),
        (None, "stop"),
        ("a_word_of_tomorrow", "stop"),
    ],
)
@pytest.mark.parametrize("attempt", [None, 1, 7])
def test_never_retries_what_cannot_succeed(category: str | None, action: str, attempt: int | None) -> None:
    found = advice(failure_category=category, attempt_count=attempt)
    assert (found.should_retry, found.delay_seconds, found.max_attempts) == (False, 0, 0)
    assert found.action == action
    assert found.reason


@pytest.mark.parametrize("category", ["processor_error", "issuer_unavailable"])
def test_retries_soon_and_then_less_often_where_nobody_said_no(category: str) -> None:
    delays = [advice(failure_category=category, attempt_count=attempt).delay_seconds for attempt in (1, 2, 3, 4)]
    assert delays == [900, 1800, 3600, 7200]


def test_gives_up_after_the_last_attempt() -> None:
    last = advice(attempt_count=5)
    assert (last.should_retry, last.delay_seconds, last.max_attempts, last.action) == (False, 0, 5, "stop")


@pytest.mark.parametrize("category", ["insufficient_funds", "limit"])
def test_waits_days_for_funds(category: str) -> None:
    delays = [advice(failure_category=category, attempt_count=attempt).delay_seconds for attempt in (1, 2, 3)]
    assert delays == [DAY, 3 * DAY, 5 * DAY]


def test_an_attempt_that_nobody_can_count_is_followed_by_few_others() -> None:
    # Fifteen attempts in thirty days are what Visa allows.
    for category in (name for name, rule in RULES.items() if rule.action == "retry"):
        found = advice(failure_category=category, attempt_count=None)
        assert found.should_retry
        assert 30 * DAY / found.delay_seconds < 15


@pytest.mark.parametrize("provider", ["stripe", "square"])
@pytest.mark.parametrize("code", ["expired_card", "CARD_EXPIRED", None])
def test_advice_is_that_of_the_reason_whoever_told_it_and_how(provider: str, code: str | None) -> None:
    for category in RULES:
        told = advice(failure_category=category, provider=provider, failure_code=code)
        assert told == advice(failure_category=category)


@pytest.mark.parametrize(
    ("codes", "action", "delay"),
    [
        ({"advice_code": "do_not_try_again"}, "stop", 0),
        ({"advice_code": "confirm_card_data"}, "new_method", 0),
        ({"advice_code": "try_again_later"}, "retry", 6 * HOUR),
        ({"network_advice_code": "03", "card_brand": "mastercard"}, "stop", 0),
        ({"network_advice_code": "03", "card_brand": "visa"}, "new_method", 0),
        ({"network_advice_code": "3", "card_brand": "visa"}, "new_method", 0),
        ({"network_advice_code": "03", "card_brand": None}, "stop", 0),
        ({"network_advice_code": "03", "card_brand": "a_new_one"}, "stop", 0),
        ({"network_advice_code": "21", "card_brand": "mastercard"}, "stop", 0),
        ({"network_advice_code": "01", "card_brand": "visa"}, "stop", 0),
        ({"network_advice_code": "24", "card_brand": "mastercard"}, "retry", 6 * HOUR),
        ({"network_advice_code": "25", "card_brand": "mastercard"}, "retry", DAY),
        ({"network_advice_code": "30", "card_brand": "mastercard"}, "retry", 10 * DAY),
        ({"network_advice_code": "zz"}, "retry", 6 * HOUR),
        ({"advice_code": "try_again_later", "network_advice_code": "03"}, "stop", 0),
    ],
)
def test_the_strictest_of_all_advice_counts(codes: dict[str, str | None], action: str, delay: int) -> None:
    found = advice(failure_category="issuer_declined", **codes)
    assert (found.action, found.delay_seconds) == (action, delay)


@given(category=st.none() | st.sampled_from(sorted(RULES)), code=CODES, network=NETWORKS, network_code=NETWORK_CODES)
def test_no_code_makes_advice_milder_or_a_wait_shorter(
    category: str | None, code: str | None, network: str | None, network_code: str | None
) -> None:
    plain = advice(failure_category=category)
    told = advice(failure_category=category, advice_code=code, card_brand=network, network_advice_code=network_code)
    assert plain.action is not None
    assert told.action is not None
    assert STRICTNESS[told.action] >= STRICTNESS[plain.action]
    assert told.delay_seconds >= plain.delay_seconds or not told.should_retry


def test_an_attempt_that_would_fall_in_the_night_waits_for_the_morning() -> None:
    late = advice(failure_category="insufficient_funds", failed_at=NOON.replace(hour=2))
    assert late.delay_seconds == (24 + 4) * HOUR


def test_an_attempt_that_is_due_soon_does_not_wait_for_the_morning() -> None:
    assert advice(failed_at=NOON.replace(hour=2)).delay_seconds == 900


def test_the_night_is_that_of_utc_whatever_the_requests_time_zone() -> None:
    here = NOON.replace(hour=2)
    there = here.astimezone(timezone(timedelta(hours=9)))
    told = {"failure_category": "limit"}
    assert advice(**told, failed_at=there) == advice(**told, failed_at=here)


@given(
    category=st.none() | st.sampled_from([*RULES, "other"]),
    attempt=st.none() | st.integers(1, 10**6),
    hour=st.integers(0, 23),
    code=CODES,
)
def test_advice_is_equal_for_equal_requests_and_consistent(
    category: str | None, attempt: int | None, hour: int, code: str | None
) -> None:
    changes = {
        "failure_category": category,
        "attempt_count": attempt,
        "failed_at": NOON + timedelta(hours=hour),
        "advice_code": code,
    }
    first, second = advice(**changes), advice(**changes)
    assert first == second
    assert first.should_retry is (first.action == "retry") is (first.delay_seconds > 0)
    if first.should_retry and attempt is not None:
        assert attempt < first.max_attempts


def test_what_nobody_knows_is_a_category_and_not_retried() -> None:
    assert RULES[UNKNOWN].action == "stop"
