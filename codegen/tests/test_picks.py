"""What the element that is picked from a list and what follows a text promise, in both forms of a mapping."""

from __future__ import annotations

from typing import Any

import pytest
from codegen.language.model import (
    After,
    Coalesce,
    Condition,
    Decimal,
    Expression,
    Lookup,
    Null,
    Path,
    Pick,
    Upper,
    When,
)
from codegen.language.parts import origin
from codegen.language.read import read_expression
from codegen.language.reasons import place
from codegen.mapping.evaluate import Normalized
from codegen.mapping.plan import Kind
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.equivalence import VALUES

from .forms import both, planned, target

REFUSED = "refused"
UNHURRIED = settings(max_examples=60, deadline=None)
X, Y = Path(("x",)), Path(("y",))
UP = Pick(X, Path(("x", 0, "href")), Condition(Path(("x", 0, "rel")), ("up",)))
ALIKE = Pick(X, Path(("x", 0, "href")), Condition(Path(("x", 0, "rel")), (), Y))
CAPTURE = After(UP, "/captures/")
MAGNITUDE = Decimal(Coalesce((After(X, "-"), X)), Y)


def made(expression: Expression, kind: Kind = Kind.TEXT, **body: object) -> Any:
    """Return what a field is filled with, or REFUSED."""
    outcome = both(planned(target("f", expression, kind)), {"kind": "e", **body})
    return outcome.event["f"] if isinstance(outcome, Normalized) else REFUSED


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([{"rel": "self", "href": "a"}, {"rel": "up", "href": "b"}], "b"),
        # The first that counts, whatever it has.
        ([{"rel": "up", "href": "a"}, {"rel": "up", "href": "b"}], "a"),
        ([{"rel": "up"}, {"rel": "up", "href": "b"}], None),
        ([{"rel": "up", "href": "null"}, {"rel": "up", "href": "b"}], None),
        ([{"rel": "UP", "href": "a"}], None),
        ([{"href": "a"}, None, 7, "up", ["up"], {"rel": ["up"], "href": "a"}], None),
        ([], None),
        (None, None),
        ({"rel": "up", "href": "a"}, None),
        ("up", None),
        ([{"rel": "up", "href": 7}], REFUSED),
    ],
)
def test_the_first_element_that_counts_is_picked(items: object, expected: object) -> None:
    assert made(UP, x=items) == expected


def test_an_element_may_count_by_another_value_of_the_payload() -> None:
    items = [{"rel": "a", "href": "1"}, {"href": "2"}, {"rel": "b", "href": "3"}]
    assert made(ALIKE, x=items, y="b") == "3"
    # What is absent is not the same as something else that is absent.
    assert made(ALIKE, x=items) is None


def test_a_value_that_is_picked_may_be_a_number_and_true_is_not_one() -> None:
    live = Pick(X, Path(("x", 0, "n")), Condition(Path(("x", 0, "own")), (1,)))
    assert made(live, Kind.WHOLE, x=[{"n": 5, "own": True}, {"n": 7, "own": 1}]) == 7


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("https://api.example.com/v2/captures/7B1", "7B1"),
        ("https://api.example.com/v2/captures/7B1/refund", "7B1"),
        ("https://api.example.com/v2/captures/7B1?fields=id#top", "7B1"),
        ("https://api.example.com/v2/captures/7B1/captures/9C2", "7B1"),
        ("/captures/7B1", "7B1"),
        ("https://api.example.com/v2/orders/7B1", None),
        ("https://api.example.com/v2/captures", None),
        ("https://api.example.com/v2/captures/", None),
        # By its first place alone: what has another form names nothing.
        ("https://api.example.com/v2/captures//captures/7B1", None),
        ("https://api.example.com/v2/captures/null", None),
        ("https://api.example.com/v2/captures/\u00e97", "\u00e97"),
        ("", None),
        (7, REFUSED),
        ([], REFUSED),
    ],
)
def test_what_follows_a_text_is_one_segment_of_an_address(href: object, expected: object) -> None:
    assert made(CAPTURE, x=[{"rel": "up", "href": href}]) == expected


@pytest.mark.parametrize(
    ("amount", "expected"),
    [("-0.01", 1), ("0.01", 1), ("-12", 1200), ("--1", -100), ("-", REFUSED), (-1, REFUSED), (None, None)],
)
def test_an_amount_may_be_taken_without_its_sign(amount: object, expected: object) -> None:
    plan = planned(target("f", MAGNITUDE, Kind.WHOLE))
    plan.exponents["USD"] = 2
    outcome = both(plan, {"kind": "e", "x": amount, "y": "USD"})
    assert (outcome.event["f"] if isinstance(outcome, Normalized) else REFUSED) == expected


WORDS = st.sampled_from(
    ["", "null", "up", "-", "/captures/", "/captures/7B1", "a/captures/7B1?x", "/captures//", "#", 7]
)
LINKS = st.fixed_dictionaries({}, optional={"rel": WORDS | VALUES, "href": WORDS | st.text(max_size=6) | VALUES})


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        (UP, Kind.TEXT),
        (ALIKE, Kind.TEXT),
        (UP, Kind.WHOLE),
        (CAPTURE, Kind.TEXT),
        (Upper(CAPTURE), Kind.TEXT),
        (After(CAPTURE, "7"), Kind.TEXT),
        (Coalesce((Y, CAPTURE, ALIKE)), Kind.TEXT),
        (When(Y, (None, "up", 7), CAPTURE, After(Y, "-")), Kind.TEXT),
        (Lookup(CAPTURE, {"7B1": True}, Null()), Kind.TRUTH),
        (MAGNITUDE, Kind.WHOLE),
    ],
    ids=str,
)
def test_both_forms_agree_whatever_is_sent(expression: Expression, kind: Kind) -> None:
    @UNHURRIED
    @given(x=st.lists(LINKS | VALUES, max_size=4) | WORDS | VALUES, y=WORDS | VALUES)
    def agree(x: object, y: object) -> None:
        made(expression, kind, x=x, y=y)

    agree()


def test_what_a_mapping_says_is_what_is_read_and_told() -> None:
    picked = {"pick": {"path": "x", "where": {"path": "rel", "in": ["up"]}, "value": "href"}}
    alike = {"pick": {"path": "x", "where": {"path": "rel", "same_as": "y"}, "value": "href"}}
    followed = {"after": {"value": picked, "text": "/captures/"}}
    assert read_expression(picked) == UP
    assert read_expression(alike) == ALIKE
    assert read_expression(followed) == CAPTURE
    assert origin(CAPTURE) == "what follows /captures/ in x[].href where rel is up"
    assert origin(ALIKE) == "x[].href where rel is that of y"
    # What is wrong with a value is said of its place.
    assert place(CAPTURE) == "x[].href where rel is up"
