"""The fraud score: a deterministic heuristic in the place of a model.

Each trait of a payment adds or takes away some probability. The weights are invented; the shape (amount, customer,
card, failure, time of day) is that of the real thing.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from payments_contracts.currencies import EXPONENTS
from payments_contracts.inference import FraudScore, FraudScoreRequest

from inference.day import second_of_day

_BASE = 0.05
_NO_CUSTOMER = 0.15
_NIGHT = 0.08
_NIGHT_ENDS_AT_HOUR = 5
_NOT_A_CARD = -0.03
_UNKNOWN_CARD = 0.06

# Amounts in the currency's major unit from which each weight counts, largest first.
_AMOUNTS: Sequence[tuple[int, float]] = ((10_000, 0.35), (2_000, 0.2), (500, 0.1), (100, 0.03))
_USUAL_EXPONENT = 2

_HISTORY: Mapping[str, float] = {"new_customer": 0.1, "recent_failures": 0.15, "previous_dispute": 0.3}

# Other payments of the customer in the last hour, and failed attempts in the last day, from which each weight counts.
_VELOCITIES: Sequence[tuple[int, float]] = ((10, 0.25), (4, 0.1))
_ATTEMPTS: Sequence[tuple[int, float]] = ((10, 0.2), (5, 0.1))

_CARDS: Mapping[str, float] = {"amex": 0.0, "visa": 0.01, "mastercard": 0.01, "discover": 0.03, "unionpay": 0.04}

# By the category that all providers share.
_FAILURES: Mapping[str, float] = {
    "fraud": 0.5,
    "lost_or_stolen": 0.5,
    "do_not_retry": 0.2,
    "limit": 0.2,
    "invalid_card": 0.15,
    "invalid_account": 0.1,
    "issuer_declined": 0.05,
}

_MEDIUM_FROM = 0.3
_HIGH_FROM = 0.7


def score(request: FraudScoreRequest) -> FraudScore:
    """Return the probability of fraud, to four decimals, and its band."""
    total = _BASE + _amount(request) + _customer(request) + _card(request) + _failure(request) + _hour(request)
    probability = round(min(max(total, 0.0), 1.0), 4)
    return FraudScore(score=probability, risk_level=risk_level(probability))


def risk_level(probability: float) -> Literal["low", "medium", "high"]:
    """Return the band that a probability falls in: low below 0.3, high from 0.7, else medium."""
    if probability >= _HIGH_FROM:
        return "high"
    return "medium" if probability >= _MEDIUM_FROM else "low"


def _amount(request: FraudScoreRequest) -> float:
    minor = 10 ** EXPONENTS.get(request.currency, _USUAL_EXPONENT)
    return next((weight for least, weight in _AMOUNTS if request.amount_cents >= least * minor), 0.0)


def _customer(request: FraudScoreRequest) -> float:
    stranger = _NO_CUSTOMER if request.customer_id is None else 0.0
    pace = _weight(_VELOCITIES, request.customer_payments_last_hour) + _weight(_ATTEMPTS, request.previous_attempts)
    return stranger + pace + sum(_HISTORY[flag] for flag in sorted(set(request.customer_history_flags or ())))


def _weight(weights: Sequence[tuple[int, float]], count: int | None) -> float:
    return next((weight for least, weight in weights if (count or 0) >= least), 0.0)


def _card(request: FraudScoreRequest) -> float:
    if request.payment_method_type not in {None, "card"}:
        return _NOT_A_CARD
    return _CARDS.get(request.card_brand or "", _UNKNOWN_CARD)


def _failure(request: FraudScoreRequest) -> float:
    return _FAILURES.get(request.failure_category or "", 0.0)


def _hour(request: FraudScoreRequest) -> float:
    return _NIGHT if second_of_day(request.occurred_at) < _NIGHT_ENDS_AT_HOUR * 3600 else 0.0
