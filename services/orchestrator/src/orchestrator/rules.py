"""Business rules that mark an event, and never drop it. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from payments_contracts.business import REVIEW_LIMIT_OTHERWISE, REVIEW_LIMITS
from payments_contracts.currencies import EXPONENTS
from payments_contracts.pins.orchestrator import PaymentEvent

from orchestrator.inquiries import Terms
from orchestrator.look_ups import Context
from orchestrator.messages import Verdicts
from orchestrator.scoring import NO_CURRENCY, needs_score

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


def _created_in_future(event: PaymentEvent, book: RuleBook, _context: Context) -> bool:
    return event.provider_created_at > event.processed_at + book.clock_tolerance


def _amount_above_review_limit(event: PaymentEvent, book: RuleBook, _context: Context) -> bool:
    # What is taken from the merchant is negative, and no smaller for it.
    return abs(event.amount_cents) > _review_limit(event, book)


def _review_limit(event: PaymentEvent, book: RuleBook) -> int:
    if event.currency in book.review_limits:
        return book.review_limits[event.currency]
    told = event.currency_exponent
    # The standard withdraws codes, and events may be older than that.
    minor_units: int = 10 ** (EXPONENTS.get(event.currency, _USUAL_EXPONENT) if told is None else told)
    return book.review_limit_otherwise * minor_units


def _merchant_blocked(event: PaymentEvent, book: RuleBook, _context: Context) -> bool:
    return event.merchant_id in book.blocked_merchants


def _merchant_unknown(event: PaymentEvent, book: RuleBook, _context: Context) -> bool:
    return bool(book.known_merchants) and event.merchant_id not in book.known_merchants


def _failure_code_missing(event: PaymentEvent, _book: RuleBook, _context: Context) -> bool:
    # An invoice or setup may fail for a reason that has a category and no code.
    return event.status == "failed" and event.failure_code is None and event.failure_category is None


def _failure_code_on_success(event: PaymentEvent, _book: RuleBook, _context: Context) -> bool:
    return event.status == "succeeded" and event.failure_code is not None


def _merchant_not_active(event: PaymentEvent, _book: RuleBook, context: Context) -> bool | None:
    return _by_terms(event, context, lambda terms: terms.status != "active")


def _currency_not_allowed(event: PaymentEvent, _book: RuleBook, context: Context) -> bool | None:
    return _by_terms(
        event, context, lambda terms: bool(terms.allowed_currencies) and event.currency not in terms.allowed_currencies
    )


def _amount_above_merchant_limit(event: PaymentEvent, _book: RuleBook, context: Context) -> bool | None:
    return _by_terms(
        event, context, lambda terms: event.amount_cents > terms.payment_limits.get(event.currency, event.amount_cents)
    )


def _by_terms(event: PaymentEvent, context: Context, is_broken: Callable[[Terms], bool]) -> bool | None:
    # What is agreed is agreed on payments: a closed merchant still gives back and is paid out.
    if not needs_score(event):
        return False
    return None if context.terms is None else is_broken(context.terms)


def _refund_above_charge(event: PaymentEvent, _book: RuleBook, context: Context) -> bool | None:
    if _family(event) != "refund" or event.status in {"failed", "canceled"} or event.currency == NO_CURRENCY:
        return False
    subject = context.subject
    if subject is None or subject.received is None:
        return None
    return abs(event.amount_cents) + subject.refunded > subject.received


def _dispute_of_unknown_payment(event: PaymentEvent, _book: RuleBook, context: Context) -> bool | None:
    if _family(event) != "dispute":
        return False
    subject = context.subject
    if subject is not None and subject.is_told:
        return False
    return True if subject is not None and subject.reaches_back else None


def _family(event: PaymentEvent) -> str:
    return event.event_type.partition(".")[0]


RULES: Sequence[tuple[str, Callable[[PaymentEvent, RuleBook, Context], bool | None]]] = (
    ("created_in_future", _created_in_future),
    ("amount_above_review_limit", _amount_above_review_limit),
    ("merchant_blocked", _merchant_blocked),
    ("merchant_unknown", _merchant_unknown),
    ("failure_code_missing", _failure_code_missing),
    ("failure_code_on_success", _failure_code_on_success),
    ("merchant_not_active", _merchant_not_active),
    ("currency_not_allowed", _currency_not_allowed),
    ("amount_above_merchant_limit", _amount_above_merchant_limit),
    ("refund_above_charge", _refund_above_charge),
    ("dispute_of_unknown_payment", _dispute_of_unknown_payment),
)
"""Code of each rule and whether an event breaks it, in the order in which verdicts are told; None: nobody can tell."""


def verdicts(event: PaymentEvent, book: RuleBook, context: Context) -> Verdicts:
    """Return the codes of the rules that the event breaks, and of those that cannot be decided."""
    found = [(code, rule(event, book, context)) for code, rule in RULES]
    return Verdicts(
        broken=[code for code, verdict in found if verdict],
        undecided=[code for code, verdict in found if verdict is None],
    )
