from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from orchestrator.rules import RULES, RuleBook, violations
from payments_contracts.currencies import EXPONENTS
from payments_contracts.pins.orchestrator import PaymentEvent

MakeEvent = Callable[..., PaymentEvent]
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
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
