from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from orchestrator.inquiries import Subject, Terms
from orchestrator.look_ups import Context
from orchestrator.rules import RULES, RuleBook, verdicts
from payments_contracts import business
from payments_contracts.currencies import EXPONENTS
from payments_contracts.pins.orchestrator import PaymentEvent

MakeEvent = Callable[..., PaymentEvent]
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
AGREED = Terms("active", frozenset(), {}, NOON)


def violations(event: PaymentEvent, book: RuleBook) -> list[str]:
    """The rules that an event breaks whose merchant may take any payment."""
    return verdicts(event, book, Context(terms=AGREED)).broken


# Of a currency that the standard has withdrawn.
UNLISTED: dict[str, object] = {"currency": "BGN", "currency_exponent": 2}


def test_a_plain_event_breaks_no_rule(make_event: MakeEvent) -> None:
    assert violations(make_event(), RuleBook()) == []


@pytest.mark.parametrize(
    ("changes", "book", "code"),
    [
        ({"provider_created_at": NOON + timedelta(minutes=6)}, RuleBook(), "created_in_future"),
        ({"amount_cents": 1_000_001}, RuleBook(), "amount_above_review_limit"),
        ({"amount_cents": -1_000_001, "event_type": "payout.paid"}, RuleBook(), "amount_above_review_limit"),
        ({"amount_cents": 1_000_001, "currency_exponent": None}, RuleBook(), "amount_above_review_limit"),
        ({"amount_cents": 51, "currency": "JPY"}, RuleBook(review_limits={"JPY": 50}), "amount_above_review_limit"),
        (UNLISTED | {"amount_cents": 1_000_001}, RuleBook(review_limits={}), "amount_above_review_limit"),
        (
            UNLISTED | {"amount_cents": 501, "currency_exponent": 0},
            RuleBook(review_limit_otherwise=500),
            "amount_above_review_limit",
        ),
        ({}, RuleBook(blocked_merchants=frozenset({"merch_1"})), "merchant_blocked"),
        ({}, RuleBook(known_merchants=frozenset({"merch_2"})), "merchant_unknown"),
        ({"status": "failed"}, RuleBook(), "failure_code_missing"),
        ({"failure_code": "expired_card"}, RuleBook(), "failure_code_on_success"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_event_that_breaks_a_rule_is_marked_with_its_code(
    make_event: MakeEvent, changes: dict[str, object], book: RuleBook, code: str
) -> None:
    assert violations(make_event(**changes), book) == [code]


@pytest.mark.parametrize(
    ("changes", "book"),
    [
        ({"provider_created_at": NOON + timedelta(minutes=5)}, RuleBook()),
        ({"amount_cents": 1_000_000}, RuleBook()),
        ({"amount_cents": 10_001, "currency": "JPY", "currency_exponent": 0}, RuleBook()),
        ({"amount_cents": 0, "currency": "XXX", "currency_exponent": None}, RuleBook()),
        ({"amount_cents": 0}, RuleBook(review_limits={"USD": 0})),
        (UNLISTED | {"amount_cents": 1_000_000}, RuleBook(review_limits={})),
        ({"status": "failed", "failure_category": "processor_error"}, RuleBook()),
        ({}, RuleBook(known_merchants=frozenset({"merch_1"}))),
        ({"status": "failed", "failure_code": "expired_card"}, RuleBook()),
        ({"status": "canceled", "failure_code": "abandoned"}, RuleBook()),
    ],
)
def test_an_event_on_the_right_side_of_a_bound_is_not_marked(
    make_event: MakeEvent, changes: dict[str, object], book: RuleBook
) -> None:
    assert violations(make_event(**changes), book) == []


def test_all_broken_rules_are_reported_in_their_order(make_event: MakeEvent) -> None:
    book = RuleBook(blocked_merchants=frozenset({"merch_1"}), known_merchants=frozenset({"other"}))
    found = violations(make_event(status="failed", amount_cents=10**9), book)
    assert found == ["amount_above_review_limit", "merchant_blocked", "merchant_unknown", "failure_code_missing"]


def test_limits_are_worth_about_the_same_in_each_currency(make_event: MakeEvent) -> None:
    # Some 13,000 US dollars, then some 5,000, in the minor unit of each.
    amounts = {"USD": (1_300_000, 500_000), "JPY": (2_100_000, 750_000), "KRW": (21_000_000, 7_000_000)}
    amounts |= {"KWD": (4_000_000, 1_500_000), "IDR": (22_000_000_000, 8_000_000_000)}
    for currency, (above, below) in amounts.items():
        told = {"currency": currency, "currency_exponent": EXPONENTS[currency]}
        assert violations(make_event(**told, amount_cents=above), RuleBook()) == ["amount_above_review_limit"]
        assert violations(make_event(**told, amount_cents=below), RuleBook()) == []


def test_codes_are_unique() -> None:
    assert len({code for code, _ in RULES}) == len(RULES)


REFUND: dict[str, object] = {
    "event_type": "refund.succeeded",
    "related_payment_id": "pi_1",
    "provider_object_id": "re_1",
}
DISPUTE: dict[str, object] = {"event_type": "dispute.opened", "status": "needs_response", "related_payment_id": "pi_1"}
RECEIVED = Subject(is_told=True, received=5_000, refunded=0, reaches_back=False)


def test_the_rules_are_those_of_the_contract() -> None:
    assert [code for code, _ in RULES] == list(business.RULES)


@pytest.mark.parametrize(
    ("changes", "terms", "codes"),
    [
        ({}, AGREED, []),
        ({}, replace(AGREED, status="suspended"), ["merchant_not_active"]),
        ({"status": "failed", "failure_code": "x"}, replace(AGREED, status="closed"), ["merchant_not_active"]),
        ({}, replace(AGREED, allowed_currencies=frozenset({"EUR"})), ["currency_not_allowed"]),
        ({}, replace(AGREED, allowed_currencies=frozenset({"EUR", "USD"})), []),
        ({}, replace(AGREED, payment_limits={"USD": 4_999}), ["amount_above_merchant_limit"]),
        ({}, replace(AGREED, payment_limits={"USD": 5_000, "EUR": 1}), []),
        # A closed merchant still gives back, and is paid out.
        ({"event_type": "payout.paid"}, replace(AGREED, status="closed"), []),
        (REFUND, replace(AGREED, status="closed"), []),
    ],
)
def test_a_payment_is_held_against_what_is_agreed_with_its_merchant(
    make_event: MakeEvent, changes: dict[str, object], terms: Terms, codes: list[str]
) -> None:
    found = verdicts(make_event(**changes), RuleBook(), Context(terms, RECEIVED))
    assert (found.broken, found.undecided) == (codes, [])


@pytest.mark.parametrize(
    ("changes", "subject", "broken", "undecided"),
    [
        (REFUND, RECEIVED, [], []),
        (REFUND | {"amount_cents": 5_001}, RECEIVED, ["refund_above_charge"], []),
        (REFUND | {"amount_cents": -5_001}, RECEIVED, ["refund_above_charge"], []),
        (REFUND | {"amount_cents": 2_001}, replace(RECEIVED, refunded=3_000), ["refund_above_charge"], []),
        (REFUND | {"amount_cents": 2_000}, replace(RECEIVED, refunded=3_000), [], []),
        (REFUND, replace(RECEIVED, received=None), [], ["refund_above_charge"]),
        (REFUND, None, [], ["refund_above_charge"]),
        # What was not given back took nothing.
        (REFUND | {"event_type": "refund.failed", "status": "failed", "failure_code": "x"}, None, [], []),
        (REFUND | {"amount_cents": 0, "currency": "XXX"}, None, [], []),
        (DISPUTE, RECEIVED, [], []),
        (DISPUTE, None, [], ["dispute_of_unknown_payment"]),
        (
            DISPUTE,
            Subject(is_told=False, received=None, refunded=0, reaches_back=False),
            [],
            ["dispute_of_unknown_payment"],
        ),
        (
            DISPUTE,
            Subject(is_told=False, received=None, refunded=0, reaches_back=True),
            ["dispute_of_unknown_payment"],
            [],
        ),
    ],
)
def test_a_refund_or_dispute_is_held_against_its_payment(
    make_event: MakeEvent, changes: dict[str, object], subject: Subject | None, broken: list[str], undecided: list[str]
) -> None:
    found = verdicts(make_event(**changes), RuleBook(), Context(subject=subject))
    assert (found.broken, found.undecided) == (broken, undecided)


def test_a_payment_of_whose_merchant_nothing_is_known_breaks_nothing_and_says_so(make_event: MakeEvent) -> None:
    found = verdicts(make_event(amount_cents=10), RuleBook(), Context())
    assert (found.broken, found.undecided) == (
        [],
        ["merchant_not_active", "currency_not_allowed", "amount_above_merchant_limit"],
    )
