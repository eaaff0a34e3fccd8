from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from orchestrator import scoring
from payments_contracts.inference import FraudScore, RetryStrategyResponse
from payments_contracts.pins.orchestrator import PaymentEvent, ScoredPayment

MakeEvent = Callable[..., PaymentEvent]
LATER = datetime(2025, 3, 1, 12, 0, 1, 234567, tzinfo=UTC)
SCORE = FraudScore(score=0.12, risk_level="low")
ADVICE = RetryStrategyResponse(should_retry=True, delay_seconds=60, max_attempts=3)


def test_the_row_keeps_every_column_of_the_event(make_event: MakeEvent) -> None:
    event = make_event()
    row = scoring.scored_payment(event, [], scoring.Sourced(SCORE, "model"), None, LATER)
    kept = row.model_dump(include=set(PaymentEvent.model_fields))
    assert kept == event.model_dump()


def test_the_row_has_every_column_of_the_contract(make_event: MakeEvent) -> None:
    row = scoring.scored_payment(
        make_event(status="failed", failure_code="expired_card"),
        ["merchant_blocked"],
        scoring.Sourced(SCORE, "model"),
        scoring.Sourced(ADVICE, "fallback"),
        LATER,
    )
    assert row.model_fields_set == set(ScoredPayment.model_fields)
    added = row.model_dump(exclude=set(PaymentEvent.model_fields))
    assert added == {
        "rule_violations": ["merchant_blocked"],
        "fraud_score": 0.12,
        "fraud_risk_level": "low",
        "fraud_score_source": "model",
        "retry_strategy": {"should_retry": True, "delay_seconds": 60, "max_attempts": 3},
        "retry_strategy_source": "fallback",
        "attempt": None,
        "attempt_source": None,
        "retry_action": None,
        "scored_at": LATER.replace(microsecond=234000),
    }


def test_a_payment_that_did_not_fail_has_no_advice(make_event: MakeEvent) -> None:
    row = scoring.scored_payment(make_event(), [], scoring.Sourced(SCORE, "model"), None, LATER)
    assert (row.retry_strategy, row.retry_strategy_source) == (None, None)


@pytest.mark.parametrize("status", ["pending", "requires_action", "processing", "authorized", "succeeded", "canceled"])
def test_only_a_failed_payment_needs_advice(make_event: MakeEvent, status: str) -> None:
    assert not scoring.needs_advice(make_event(status=status))
    assert scoring.needs_advice(make_event(status="failed"))


@pytest.mark.parametrize(
    ("event_type", "status"),
    [("charge.failed", "failed"), ("refund.failed", "failed"), ("dispute.closed", "lost"), ("payout.failed", "failed")],
)
def test_what_is_not_a_payment_is_neither_scored_nor_advised_on(
    make_event: MakeEvent, event_type: str, status: str
) -> None:
    event = make_event(event_type=event_type, status=status)
    assert not scoring.needs_score(event)
    assert not scoring.needs_advice(event)
    assert scoring.needs_score(make_event())


def test_a_row_without_a_score_says_so(make_event: MakeEvent) -> None:
    row = scoring.scored_payment(make_event(event_type="payout.paid"), [], None, None, LATER)
    assert (row.fraud_score, row.fraud_risk_level, row.fraud_score_source) == (0.0, "low", "not_scored")


@pytest.mark.parametrize(("told", "count"), [(None, 1), (1, 1), (4, 4), (0, 1)])
def test_advice_counts_the_attempts_that_the_provider_tells(
    make_event: MakeEvent, told: int | None, count: int
) -> None:
    assert scoring.retry_request(make_event(status="failed", attempt_number=told)).attempt_count == count


def test_the_models_see_when_it_happened_and_no_card_number(make_event: MakeEvent) -> None:
    event = make_event(status="failed", failure_code="expired_card")
    fraud, retry = scoring.fraud_request(event), scoring.retry_request(event)
    assert fraud.occurred_at == retry.failed_at == event.provider_created_at
    assert retry.attempt_count == 1
    assert "4242" not in fraud.model_dump_json() + retry.model_dump_json()
