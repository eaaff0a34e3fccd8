"""What sums, differences, signs, single elements and typed values promise, in both forms of a mapping."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from codegen.language.model import (
    Coalesce,
    Condition,
    Const,
    Decimal,
    Difference,
    Envelope,
    Expression,
    Lookup,
    Money,
    Null,
    Path,
    Sign,
    Sole,
    Sum,
    Time,
    TimeFormat,
    Upper,
    When,
)
from codegen.language.read import read_expression
from codegen.mapping.evaluate import Normalized
from codegen.mapping.plan import Kind
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.equivalence import VALUES

from .forms import both, planned, target

REFUSED = "refused"
UNHURRIED = settings(max_examples=40, deadline=None)
X, Y = Path(("x",)), Path(("y",))
SOLE = Sole(Path(("x", 0)))
FEES = Sum(X, Path(("x", 0, "money", "amount")))
EUROS = Sum(X, Path(("x", 0, "amount")), Condition(Path(("x", 0, "currency")), ("EUR", "eur")))
ALIKE = Sum(X, Path(("x", 0, "amount")), Condition(Path(("x", 0, "currency")), (), Y))
DIRECTION = Sign(X, "out", "in")


def made(expression: Expression, kind: Kind, **body: object) -> Any:
    """Return what a field is filled with, or REFUSED."""
    outcome = both(planned(target("f", expression, kind)), {"kind": "e", **body})
    return outcome.event["f"] if isinstance(outcome, Normalized) else REFUSED


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (["card"], "card"),
        ([], None),
        (["card", "link"], None),
        ([""], None),
        ([None], None),
        (None, None),
        ("card", None),
        ({"0": "card"}, None),
        ([7], REFUSED),
    ],
)
def test_of_several_none_is_the_only_one(items: object, expected: object) -> None:
    assert made(SOLE, Kind.TEXT, x=items) == expected


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([{"money": {"amount": 84}}, {"money": {"amount": -14}}], 70),
        ([], 0),
        (None, None),
        ({}, None),
        ([{"money": None}, {}, None, 5, {"money": {"amount": ""}}, {"money": {"amount": 3}}], 3),
        ([{"money": {"amount": 2**63 - 1}}, {"money": {"amount": 1}}], 2**63),
        ([{"money": {"amount": "84"}}], REFUSED),
        ([{"money": {"amount": 8.4}}], REFUSED),
        ([{"money": {"amount": True}}], REFUSED),
    ],
)
def test_a_sum_is_over_the_elements_that_have_the_number(items: object, expected: object) -> None:
    assert made(FEES, Kind.WHOLE, x=items) == expected


def test_a_sum_may_be_over_some_elements_alone() -> None:
    items = [
        {"amount": 5, "currency": "EUR"},
        {"amount": 7, "currency": "USD"},
        {"amount": 11, "currency": "eur"},
        {"amount": 13, "currency": None},
        {"amount": 17, "currency": "null"},
    ]
    assert made(EUROS, Kind.WHOLE, x=items) == 16
    assert made(ALIKE, Kind.WHOLE, x=items, y="USD") == 7
    # An absent currency is not the same as another one that is absent.
    assert made(ALIKE, Kind.WHOLE, x=items) == 0
    assert made(ALIKE, Kind.WHOLE, x=items, y="null") == 0


def test_a_condition_tells_true_from_one() -> None:
    flagged = Sum(X, Path(("x", 0, "n")), Condition(Path(("x", 0, "own")), (True,)))
    assert made(flagged, Kind.WHOLE, x=[{"n": 1, "own": True}, {"n": 2, "own": 1}, {"n": 4, "own": "true"}]) == 1


def test_a_sum_is_money_in_the_unit_of_iso_4217() -> None:
    plan = replace(planned(target("f", Money(FEES, Y, {"ISK": 2}), Kind.WHOLE)), exponents={"ISK": 0})
    items = [{"money": {"amount": 150}}, {"money": {"amount": 50}}]
    assert both(plan, {"kind": "e", "x": items, "y": "isk"}) == Normalized({"f": 2})


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (1000, 700, 300),
        (700, 1000, -300),
        (0, 0, 0),
        (None, 5, None),
        (5, None, None),
        ("5", 5, REFUSED),
        (5, "5", REFUSED),
        (5, 0.5, REFUSED),
        # What is missing from nothing is not looked at.
        (None, "5", None),
    ],
)
def test_a_difference_needs_both_numbers(one: object, other: object, expected: object) -> None:
    assert made(Difference((X, Y)), Kind.WHOLE, x=one, y=other) == expected


def test_a_difference_may_be_of_another_one_and_of_amounts() -> None:
    assert made(Difference((Difference((X, Y)), Difference((Y, X)))), Kind.WHOLE, x=9, y=4) == 10
    decimals = Difference((Decimal(X, Path(("z",))), Decimal(Y, Path(("z",)))))
    assert made(decimals, Kind.WHOLE, x="10.50", y="0.50") == 1000
    assert made(decimals, Kind.WHOLE, x="10.50", y="much") == REFUSED


@pytest.mark.parametrize(
    ("number", "expected"),
    [(-1, "out"), (0, "in"), (5, "in"), (-0.5, "out"), (-0.0, "in"), (None, None), ("-5", REFUSED), (True, REFUSED)],
)
def test_a_sign_is_one_text_or_the_other(number: object, expected: object) -> None:
    assert made(DIRECTION, Kind.TEXT, x=number) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "none"),
        ("null", "none"),
        (3, "three"),
        (0, "zero"),
        (False, "no"),
        (3.0, "else"),
        ("3", "else"),
        (1, "else"),
        ([], "else"),
    ],
)
def test_a_condition_may_be_on_a_number_and_on_what_is_absent(value: object, expected: str) -> None:
    inner = When(X, (False,), Const("no"), Const("else"))
    inner = When(X, (3,), Const("three"), When(X, (0,), Const("zero"), inner))
    assert made(When(X, (None,), Const("none"), inner), Kind.TEXT, x=value) == expected


def test_a_constant_and_a_table_may_give_numbers_and_booleans() -> None:
    live = Lookup(X, {"Production": True, "Sandbox": False}, None)
    assert [made(live, Kind.TRUTH, x=each) for each in ("Production", "Sandbox", None, "?")] == [
        True,
        False,
        None,
        REFUSED,
    ]
    assert made(Lookup(X, {"Sandbox": False}, Const(value=True)), Kind.TRUTH, x="?") is True
    assert made(Lookup(X, {"one": 1, "none": 0}, Null()), Kind.WHOLE, x="none") == 0
    assert made(Const(0), Kind.WHOLE) == 0
    assert made(X, Kind.TRUTH, x=False) is False
    assert made(X, Kind.TRUTH, x="false") == REFUSED


def test_a_code_that_one_table_lacks_is_looked_up_in_the_next() -> None:
    first = Lookup(X, {"expired_card": "expired_card"}, Null())
    second = Lookup(Y, {"05": "issuer_declined", "51": "insufficient_funds"}, Const("unknown"))
    category = Coalesce((first, second))
    assert made(category, Kind.TEXT, x="expired_card", y="51") == "expired_card"
    assert made(category, Kind.TEXT, x="card_declined", y="51") == "insufficient_funds"
    assert made(category, Kind.TEXT, x="card_declined", y="99") == "unknown"
    assert made(category, Kind.TEXT, x="card_declined") is None


def test_what_the_gateway_found_may_be_a_time_or_a_boolean() -> None:
    plan = planned(
        target("received", Envelope("received_at"), Kind.TIME),
        target("created", Coalesce((Time(X, TimeFormat.ISO8601), Envelope("created_at"))), Kind.TIME),
        target("live", Envelope("livemode"), Kind.TRUTH),
    )
    found = both(plan, {"kind": "e"}, received_at=1500, created_at=1000, livemode=False)
    assert found == Normalized(
        {
            "received": datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC),
            "created": datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
            "live": False,
        }
    )
    assert both(plan, {"kind": "e"}) == Normalized({"received": None, "created": None, "live": None})


NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([None, "", "null", "7", 0.5, True])
ELEMENTS = st.fixed_dictionaries(
    {}, optional={"amount": NUMBERS, "currency": st.sampled_from(["EUR", "eur", "USD", "", None, 1, True])}
)


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        (SOLE, Kind.TEXT),
        (Upper(SOLE), Kind.TEXT),
        (EUROS, Kind.WHOLE),
        (ALIKE, Kind.WHOLE),
        (Sign(EUROS, "out", "in"), Kind.TEXT),
        (DIRECTION, Kind.TEXT),
        (Difference((EUROS, Y)), Kind.WHOLE),
        (Difference((X, Y)), Kind.WHOLE),
        (Coalesce((Difference((X, Y)), Y, Const(0))), Kind.WHOLE),
        (When(Y, (None, 0, True, "EUR"), EUROS, Difference((Y, EUROS))), Kind.WHOLE),
        (Lookup(Upper(SOLE), {"EUR": True}, Lookup(Y, {"eur": False}, Null())), Kind.TRUTH),
    ],
)
@pytest.mark.parametrize("drawn", ["values", "lists"])
def test_both_forms_agree_whatever_is_sent(expression: Expression, kind: Kind, drawn: str) -> None:
    @UNHURRIED
    @given(x=VALUES if drawn == "values" else st.lists(ELEMENTS | VALUES, max_size=4), y=NUMBERS | VALUES)
    def agree(x: object, y: object) -> None:
        made(expression, kind, x=x, y=y)

    agree()


def test_what_a_mapping_says_is_what_is_read() -> None:
    read = read_expression(
        {"sum": {"path": "x", "value": "amount", "where": {"path": "currency", "in": ["EUR", "eur"]}}}
    )
    assert read == EUROS
    read = read_expression({"sum": {"path": "x", "value": "amount", "where": {"path": "currency", "same_as": "y"}}})
    assert read == ALIKE
    assert read_expression({"sole": "x"}) == SOLE
    assert read_expression({"difference": [{"path": "x"}, {"path": "y"}]}) == Difference((X, Y))
    assert read_expression({"sign": {"value": {"path": "x"}, "negative": "out", "otherwise": "in"}}) == DIRECTION
    assert read_expression({"const": 0}) == Const(0)
