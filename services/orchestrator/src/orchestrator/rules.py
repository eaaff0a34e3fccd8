"""Business rules that mark an event, and never drop it. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from payments_contracts.currencies import EXPONENTS
from payments_contracts.pins.orchestrator import PaymentEvent

NOT_EVALUATED = "rules_not_evaluated"
"""The code that stands for all rules when they could not be evaluated."""


@dataclass(frozen=True, slots=True)
class RuleBook:
    """What the rules compare with.

    Attributes:
        review_limit: Amount in the currency's major unit above which a person should look at the payment.
        blocked_merchants: Merchants that may take no payments.
        known_merchants: If not empty, the merchants that may; others are unknown.
        clock_tolerance: How far the provider's clock may run ahead of ours.
    """

    review_limit: int = 10_000
    blocked_merchants: frozenset[str] = frozenset()
    known_merchants: frozenset[str] = frozenset()
    clock_tolerance: timedelta = timedelta(minutes=5)


def _created_in_future(event: PaymentEvent, book: RuleBook) -> bool:
    return event.provider_created_at > event.processed_at + book.clock_tolerance


def _amount_above_review_limit(event: PaymentEvent, book: RuleBook) -> bool:
    told = event.currency_exponent
    minor_units: int = 10 ** (EXPONENTS[event.currency] if told is None else told)
    return event.amount_cents > book.review_limit * minor_units


def _merchant_blocked(event: PaymentEvent, book: RuleBook) -> bool:
    return event.merchant_id in book.blocked_merchants


def _merchant_unknown(event: PaymentEvent, book: RuleBook) -> bool:
    return bool(book.known_merchants) and event.merchant_id not in book.known_merchants


def _failure_code_missing(event: PaymentEvent, _book: RuleBook) -> bool:
    return event.status == "failed" and event.failure_code is None


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
