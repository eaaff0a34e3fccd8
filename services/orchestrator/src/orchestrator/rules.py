"""Business rules that mark an event, and never drop it. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from payments_contracts.business import REVIEW_LIMIT_OTHERWISE, REVIEW_LIMITS
from payments_contracts.currencies import EXPONENTS
from payments_contracts.pins.orchestrator import PaymentEvent

_USUAL_EXPONENT: Final = 2

NOT_EVALUATED = "rules_not_evaluated"
"""The code that stands for all rules when they could not be evaluated."""


@dataclass(frozen=True, slots=True)
class RuleBook:
    """What the rules compare with.

    Attributes:
        review_limits: By currency, the amount in its minor unit above which a person should look at an event.
        review_limit_otherwise: The same of every other currency, in its major unit.
        blocked_merchants: Merchants that may take no payments.
        known_merchants: If not empty, the merchants that may; others are unknown.
        clock_tolerance: How far the provider's clock may run ahead of ours.
    """

    review_limits: Mapping[str, int] = field(default_factory=lambda: REVIEW_LIMITS)
    review_limit_otherwise: int = REVIEW_LIMIT_OTHERWISE
    blocked_merchants: frozenset[str] = frozenset()
    known_merchants: frozenset[str] = frozenset()
    clock_tolerance: timedelta = timedelta(minutes=5)


def _created_in_future(event: PaymentEvent, book: RuleBook) -> bool:
    return event.provider_created_at > event.processed_at + book.clock_tolerance


def _amount_above_review_limit(event: PaymentEvent, book: RuleBook) -> bool:
    # What is taken from the merchant is negative, and no smaller for it.
    return abs(event.amount_cents) > _review_limit(event, book)


def _review_limit(event: PaymentEvent, book: RuleBook) -> int:
    if event.currency in book.review_limits:
        return book.review_limits[event.currency]
    told = event.currency_exponent
    # The standard withdraws codes, and events may be older than that.
    minor_units: int = 10 ** (EXPONENTS.get(event.currency, _USUAL_EXPONENT) if told is None else told)
    return book.review_limit_otherwise * minor_units


def _merchant_blocked(event: PaymentEvent, book: RuleBook) -> bool:
    return event.merchant_id in book.blocked_merchants


def _merchant_unknown(event: PaymentEvent, book: RuleBook) -> bool:
    return bool(book.known_merchants) and event.merchant_id not in book.known_merchants


def _failure_code_missing(event: PaymentEvent, _book: RuleBook) -> bool:
    # An invoice or setup may fail for a reason that has a category and no code.
    return event.status == "failed" and event.failure_code is None and event.failure_category is None


def _failure_code_on_success(event: PaymentEvent, _book: RuleBook) -> bool:
    return event.status == "succeeded" and event.failure_code is not None


RULES: Sequence[tuple[str, Callable[[PaymentEvent, RuleBook], bool]]] = (
    ("created_in_future", _created_in_future),
    ("amount_above_review_limit", _amount_above_review_limit),
    ("merchant_blocked", _merchant_blocked),
    ("merchant_unknown", _merchant_unknown),
    ("failure_code_missing", _failure_code_missing),
    ("failure_code_on_success", _failure_code_on_success),
)
"""Code of each rule and whether an event breaks it, in the order in which violations are told."""


def violations(event: PaymentEvent, book: RuleBook) -> list[str]:
    """Return the codes of the rules that the event breaks."""
    return [code for code, broken in RULES if broken(event, book)]
