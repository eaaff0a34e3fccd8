from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference.fraud import _FAILURES, risk_level, score
from payments_contracts.inference import FraudScoreRequest
from payments_contracts.retry import RULES

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
PLAIN: dict[str, Any] = {
    "event_id": "e-1",
    "provider": "stripe",
    "merchant_id": "m-1",
    "customer_id": "c-1",
    "event_type": "payment.succeeded",
    "status": "succeeded",
    "amount_cents": 5_000,
    "currency": "USD",
    "payment_method_type": "card",
    "card_brand": "visa",
    "occurred_at": NOON,
}


def score_of(**changes: Any) -> float:
    return score(FraudScoreRequest(**PLAIN | changes)).score


def test_a_small_daytime_payment_of_a_known_customer_is_low_risk() -> None:
    assert score(FraudScoreRequest(**PLAIN)).risk_level == "low"


@pytest.mark.parametrize(
    "change",
    [
        {"amount_cents": 1_500_000},
        {"customer_id": None},
        {"customer_history_flags": ["new_customer"]},
        {"customer_history_flags": ["recent_failures"]},
        {"customer_history_flags": ["previous_dispute"]},
        {"customer_payments_last_hour": 4},
        {"previous_attempts": 5},
        {"card_brand": "obscure"},
        {"card_brand": None},
        {"failure_category": "lost_or_stolen"},
        {"failure_category": "invalid_card"},
        {"occurred_at": NOON.replace(hour=3)},
    ],
    ids=str,
)
def test_each_suspicious_trait_raises_the_score(change: dict[str, Any]) -> None:
    assert score_of(**change) > score_of()


def test_the_score_grows_with_the_amount() -> None:
    scores = [score_of(amount_cents=amount) for amount in (1_000, 10_000, 50_000, 200_000, 1_000_000)]
    assert scores == sorted(set(scores))


@pytest.mark.parametrize("field", ["customer_payments_last_hour", "previous_attempts"])
def test_the_score_grows_with_the_pace_and_takes_what_nobody_can_tell_for_none(field: str) -> None:
    slow, quick, quicker = (score_of(**{field: count}) for count in (0, 5, 20))
    assert slow < quick < quicker
    assert score_of(**{field: None}) == slow


def test_amounts_count_in_the_currencys_major_unit() -> None:
    assert score_of(amount_cents=5_000, currency="JPY") == score_of(amount_cents=500_000, currency="USD")


def test_a_payment_without_a_card_is_a_little_safer() -> None:
    assert score_of(payment_method_type="sepa_debit", card_brand=None) < score_of()


def test_the_same_flag_twice_counts_once() -> None:
    once, twice = (score_of(customer_history_flags=["new_customer"] * times) for times in (1, 2))
    assert once == twice


def test_a_stolen_card_of_a_stranger_at_night_is_high_risk() -> None:
    request = FraudScoreRequest(
        **PLAIN
        | {
            "customer_id": None,
            "failure_category": "lost_or_stolen",
            "amount_cents": 900_000,
            "occurred_at": NOON.replace(hour=2),
        }
    )
    assert score(request).risk_level == "high"


def test_the_same_reason_weighs_alike_whoever_told_it() -> None:
    told = {"failure_category": "fraud"}
    stripe, square = ({"provider": "stripe", "failure_code": "fraudulent"}, {"provider": "square", "failure_code": "X"})
    assert score_of(**told, **stripe) == score_of(**told, **square) > score_of(**stripe) == score_of()


def test_every_category_that_has_a_weight_is_one() -> None:
    assert _FAILURES.keys() <= RULES.keys()


@pytest.mark.parametrize(
    ("probability", "band"), [(0.0, "low"), (0.2999, "low"), (0.3, "medium"), (0.6999, "medium"), (0.7, "high")]
)
def test_bands_begin_where_they_say(probability: float, band: str) -> None:
    assert risk_level(probability) == band


@given(
    amount=st.integers(0, 10**12),
    flags=st.sets(st.sampled_from(["new_customer", "recent_failures", "previous_dispute"])),
    category=st.none() | st.text(max_size=20) | st.sampled_from(sorted(RULES)),
    brand=st.none() | st.text(max_size=10),
    hour=st.integers(0, 23),
)
def test_equal_requests_get_equal_scores_within_bounds(
    amount: int, flags: set[str], category: str | None, brand: str | None, hour: int
) -> None:
    changes: dict[str, Any] = {
        "amount_cents": amount,
        "customer_history_flags": sorted(flags),
        "failure_category": category,
        "card_brand": brand,
        "occurred_at": NOON + timedelta(hours=hour),
    }
    first, second = score_of(**changes), score_of(**changes)
    assert first == second
    assert 0.0 <= first <= 1.0
