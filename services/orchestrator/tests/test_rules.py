from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from orchestrator.rules import RULES, RuleBook, violations
from payments_contracts.pins.orchestrator import PaymentEvent

MakeEvent = Callable[..., PaymentEvent]
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def test_a_plain_event_breaks_no_rule(make_event: MakeEvent) -> None:
    assert violations(make_event(), RuleBook()) == []


@pytest.mark.parametrize(
    ("changes", "book", "code"),
    [
        ({"provider_created_at": NOON + timedelta(minutes=6)}, RuleBook(), "created_in_future"),
        ({"amount_cents": 1_000_001}, RuleBook(), "amount_above_review_limit"),
        (
            {"amount_cents": 10_001, "currency": "JPY", "currency_exponent": None},
            RuleBook(),
            "amount_above_review_limit",
        ),
        (
            {"amount_cents": 10_000_001, "currency": "KWD", "currency_exponent": 3},
            RuleBook(),
            "amount_above_review_limit",
        ),
        ({"amount_cents": 1_000_001, "currency_exponent": None}, RuleBook(), "amount_above_review_limit"),
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
        ({"amount_cents": 10_000, "currency": "JPY", "currency_exponent": 0}, RuleBook()),
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


def test_codes_are_unique() -> None:
    assert len({code for code, _ in RULES}) == len(RULES)
