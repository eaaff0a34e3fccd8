"""From an event to its Bronze row: requests to the models, fallbacks, and the row. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, Literal, TypeVar

from payments_contracts.inference import (
    FraudScore,
    FraudScoreRequest,
    RetryStrategyRequest,
    RetryStrategyResponse,
)
from payments_contracts.pins.orchestrator import PaymentEvent, ScoredPayment
from payments_contracts.records import RetryStrategy
from payments_contracts.retry import Action, advise

from orchestrator.inquiries import Customer

Source = Literal["model", "fallback"]
ScoreSource = Literal["model", "fallback", "not_scored"]
AttemptSource = Literal["provider", "history"]
T = TypeVar("T")

FALLBACK_SCORE = FraudScore(score=0.5, risk_level="medium")
"""Used while the model is away: neither waves a payment through nor accuses it."""

NOT_SCORED = FraudScore(score=0.0, risk_level="low")
"""Stands in the row of an event that the model is not asked about."""

NO_CURRENCY: Final = "XXX"
"""ISO 4217's code for no currency: the object has no amount."""

_TELLS_PAYMENTS_OF_CHARGES: Final = 2
"""The first version of the contract in which a charge names the payment that it belongs to."""

_HAS_REASONS: Final = 3
"""The first version that says why something failed in words that all providers share.

Advice on an earlier one is never to retry, whichever attempt it was. Its row fills no column of a later version, so
that a table that has none yet takes it.
"""


@dataclass(frozen=True, slots=True)
class Sourced(Generic[T]):
    """A verdict, and whether it is the model's or the fallback."""

    value: T
    source: Source


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which attempt at a payment or invoice has failed, from 1, and who counts."""

    number: int
    source: AttemptSource


def needs_score(event: PaymentEvent | ScoredPayment) -> bool:
    """Tell whether the fraud model knows such events: it was made for payments, not for their refunds or payouts.

    A charge that belongs to no payment is one. What has no amount, or takes money from the merchant, is none.
    """
    if event.currency == NO_CURRENCY or event.amount_cents < 0:
        return False
    family = event.event_type.partition(".")[0]
    if family == "charge":
        return event.related_payment_id is None and event.schema_version >= _TELLS_PAYMENTS_OF_CHARGES
    return family == "payment"


def needs_advice(event: PaymentEvent | ScoredPayment) -> bool:
    """Tell whether advice on charging again makes sense: only for a failed payment; a canceled one has not failed."""
    return needs_score(event) and event.status == "failed"


def needs_attempt(event: PaymentEvent | ScoredPayment) -> bool:
    """Tell whether the number of the attempt matters: that of a failed payment, or of a failed charge of an invoice."""
    if event.schema_version < _HAS_REASONS:
        return False
    return needs_advice(event) or event.event_type == "invoice.payment_failed"


def told_attempt(event: PaymentEvent) -> Attempt | None:
    """Return the attempt that the provider tells, if it does."""
    told = event.attempt_number
    return None if told is None or told < 1 else Attempt(told, "provider")


def fraud_request(event: PaymentEvent) -> FraudScoreRequest:
    """Make the fraud model's request; what is known of the customer comes to it when it is asked."""
    return FraudScoreRequest(
        event_id=event.event_id,
        provider=event.provider,
        merchant_id=event.merchant_id,
        customer_id=event.customer_id,
        payment_id=event.provider_object_id,
        event_type=event.event_type,
        status=event.status,
        amount_cents=event.amount_cents,
        currency=event.currency,
        payment_method_type=event.payment_method_type,
        card_brand=event.card_brand,
        failure_code=event.failure_code,
        failure_category=event.failure_category,
        occurred_at=event.provider_created_at,
    )


def with_customer(request: FraudScoreRequest, customer: Customer | None) -> FraudScoreRequest:
    """Return the request with what is known of who pays; as it is where nothing is."""
    if customer is None:
        return request
    return request.model_copy(
        update={
            "customer_history_flags": list(customer.flags),
            "customer_payments_last_hour": customer.payments_last_hour,
            "previous_attempts": customer.previous_attempts,
        }
    )


def retry_request(event: PaymentEvent, attempt: Attempt | None) -> RetryStrategyRequest:
    """Make the retry model's request; where nobody can count the attempts, it says so."""
    return RetryStrategyRequest(
        event_id=event.event_id,
        provider=event.provider,
        merchant_id=event.merchant_id,
        failure_code=event.failure_code,
        failure_category=event.failure_category,
        advice_code=event.advice_code,
        network_advice_code=event.network_advice_code,
        attempt_count=None if attempt is None else attempt.number,
        amount_cents=event.amount_cents,
        currency=event.currency,
        payment_method_type=event.payment_method_type,
        card_brand=event.card_brand,
        failed_at=event.provider_created_at,
    )


def fallback_advice(event: PaymentEvent, attempt: Attempt | None) -> RetryStrategyResponse:
    """Return what the contract's table says, which the model starts from, too: used while the model is away."""
    advice = advise(
        event.failure_category,
        None if attempt is None else attempt.number,
        advice_code=event.advice_code,
        network=event.card_brand,
        network_advice_code=event.network_advice_code,
    )
    return RetryStrategyResponse(
        should_retry=advice.action == "retry",
        delay_seconds=advice.wait,
        max_attempts=advice.max_attempts,
        action=advice.action,
        reason=advice.reason,
    )


def scored_payment(
    event: PaymentEvent,
    violations: Sequence[str],
    fraud: Sourced[FraudScore] | None,
    advice: Sourced[RetryStrategyResponse] | None,
    scored_at: datetime,
    *,
    attempt: Attempt | None = None,
    undecided: Sequence[str] | None = None,
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
        retry_strategy=None if advice is None else _strategy(advice.value),
        retry_strategy_source=None if advice is None else advice.source,
        attempt=None if attempt is None else attempt.number,
        attempt_source=None if attempt is None else attempt.source,
        retry_action=None if advice is None or event.schema_version < _HAS_REASONS else _action(advice.value),
        rules_undecided=None if undecided is None or event.schema_version < _HAS_REASONS else list(undecided),
        scored_at=scored_at,
    )


def _strategy(advice: RetryStrategyResponse) -> RetryStrategy:
    return RetryStrategy(
        should_retry=advice.should_retry, delay_seconds=advice.delay_seconds, max_attempts=advice.max_attempts
    )


def _action(advice: RetryStrategyResponse) -> Action:
    # A service of an earlier version tells none.
    return advice.action or ("retry" if advice.should_retry else "stop")
