"""From an event to its Bronze row: requests to the models, fallbacks, and the row. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, TypeVar

from payments_contracts.inference import (
    FraudScore,
    FraudScoreRequest,
    RetryStrategyRequest,
    RetryStrategyResponse,
)
from payments_contracts.pins.orchestrator import PaymentEvent, ScoredPayment
from payments_contracts.records import RetryStrategy

Source = Literal["model", "fallback"]
ScoreSource = Literal["model", "fallback", "not_scored"]
T = TypeVar("T")

FALLBACK_SCORE = FraudScore(score=0.5, risk_level="medium")
"""Used while the model is away: neither waves a payment through nor accuses it."""

NOT_SCORED = FraudScore(score=0.0, risk_level="low")
"""Stands in the row of an event that the model is not asked about."""

FALLBACK_ADVICE = RetryStrategyResponse(should_retry=False, delay_seconds=0, max_attempts=0)
"""Used while the model is away: charging a card again can harm, waiting cannot."""


@dataclass(frozen=True, slots=True)
class Sourced(Generic[T]):
    """A verdict, and whether it is the model's or the fallback."""

    value: T
    source: Source


def needs_score(event: PaymentEvent) -> bool:
    """Tell whether the fraud model knows such events: it was made for payments, not for their refunds or payouts."""
    return event.event_type.partition(".")[0] == "payment"


def needs_advice(event: PaymentEvent) -> bool:
    """Tell whether advice on charging again makes sense: only for a failed payment."""
    return needs_score(event) and event.status == "failed"


def fraud_request(event: PaymentEvent) -> FraudScoreRequest:
    """Make the fraud model's request; the customer's history is not known to this service."""
    return FraudScoreRequest(
        event_id=event.event_id,
        provider=event.provider,
        merchant_id=event.merchant_id,
        customer_id=event.customer_id,
        event_type=event.event_type,
        status=event.status,
        amount_cents=event.amount_cents,
        currency=event.currency,
        payment_method_type=event.payment_method_type,
        card_brand=event.card_brand,
        failure_code=event.failure_code,
        occurred_at=event.provider_created_at,
    )


def retry_request(event: PaymentEvent) -> RetryStrategyRequest:
    """Make the retry model's request; where the provider does not count attempts, the failed one is the first."""
    return RetryStrategyRequest(
        event_id=event.event_id,
        provider=event.provider,
        merchant_id=event.merchant_id,
        failure_code=event.failure_code,
        attempt_count=max(1, event.attempt_number or 1),
        amount_cents=event.amount_cents,
        currency=event.currency,
        payment_method_type=event.payment_method_type,
        card_brand=event.card_brand,
        failed_at=event.provider_created_at,
    )


def scored_payment(
    event: PaymentEvent,
    violations: Sequence[str],
    fraud: Sourced[FraudScore] | None,
    advice: Sourced[RetryStrategyResponse] | None,
    scored_at: datetime,
) -> ScoredPayment:
    """Assemble the row; all columns of the event keep their names and values.

    Without a score the row says so, and holds the number that adds nothing (docs/decisions/0012).
    """
    score = NOT_SCORED if fraud is None else fraud.value
    return ScoredPayment(
        **event.model_dump(),
        rule_violations=list(violations),
        fraud_score=score.score,
        fraud_risk_level=score.risk_level,
        fraud_score_source="not_scored" if fraud is None else fraud.source,
        retry_strategy=None if advice is None else RetryStrategy(**advice.value.model_dump()),
        retry_strategy_source=None if advice is None else advice.source,
        attempt=event.attempt_number,
        attempt_source=None if event.attempt_number is None else "provider",
        retry_action=None,
        scored_at=scored_at,
    )
