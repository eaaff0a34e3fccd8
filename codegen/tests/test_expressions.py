"""What `text`, `whole`, a time in milliseconds and a quoted key promise, in the compiled and the interpreted form."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from codegen.language.model import (
    Coalesce,
    Concat,
    Const,
    Envelope,
    Expression,
    Lookup,
    NullIf,
    Path,
    Text,
    Time,
    TimeFormat,
    Upper,
    Whole,
)
from codegen.language.read import read_path
from codegen.loader import load
from codegen.mapping.evaluate import Normalized, Rejected, Unsupported
from codegen.mapping.plan import Kind, plan
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.equivalence import VALUES

from .forms import both, planned, target

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path as File

    from codegen.mapping.plan import Plan
    from codegen.model import Catalog, Provider

X = Path(("x",))
MILLISECONDS = Time(X, TimeFormat.EPOCH_MILLISECONDS)
WRITTEN = st.from_regex(r"[-+ ]?[0-9_٣]{1,20}[ \n.]?", fullmatch=True)
REFUSED = "refused"
UNHURRIED = settings(max_examples=60, deadline=None)
FEW = settings(max_examples=20, deadline=None)


@pytest.fixture(scope="module")
def shop(small: Callable[[str], File]) -> Catalog:
    return load(small("providers"))


@pytest.fixture(scope="module")
def bolt(shop: Catalog) -> Provider:
    return next(each for each in shop.providers if each.name == "bolt")


@pytest.fixture(scope="module")
def bolt_plan(shop: Catalog, bolt: Provider) -> Plan:
    return plan(shop, bolt)


def made(expression: Expression, kind: Kind, value: object) -> Any:
    """Return what a field is filled with, or REFUSED."""
    outcome = both(planned(target("f", expression, kind)), {"kind": "e", "x": value})
    return outcome.event["f"] if isinstance(outcome, Normalized) else REFUSED


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, "7"),
        (0, "0"),
        (-5, "-5"),
        (2**64 - 1, "18446744073709551615"),
        ("7", "7"),
        ("id 7", "id 7"),
        ("", None),
        (None, None),
        (7.0, REFUSED),
        (True, REFUSED),
        ([7], REFUSED),
        ({}, REFUSED),
    ],
)
def test_text_is_a_text_or_the_digits_of_a_whole_number(value: object, expected: object) -> None:
    assert made(Text(X), Kind.TEXT, value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7", 7),
        ("-7", -7),
        ("007", 7),
        ("-0", 0),
        (18 * "9", 10**18 - 1),
        (7, 7),
        ("", None),
        (None, None),
        (19 * "9", REFUSED),
        ("7.0", REFUSED),
        ("+7", REFUSED),
        (" 7", REFUSED),
        ("7\n", REFUSED),
        ("1_000", REFUSED),
        ("٣", REFUSED),
        ("1e3", REFUSED),
        (7.0, REFUSED),
        (False, REFUSED),
        (["7"], REFUSED),
    ],
)
def test_whole_is_a_whole_number_or_one_in_decimal_digits(value: object, expected: object) -> None:
    assert made(Whole(X), Kind.WHOLE, value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_767_312_000_250, datetime(2026, 1, 2, 0, 0, 0, 250_000, tzinfo=UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (-1, datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)),
        ("", None),
        (None, None),
        ("1767312000250", REFUSED),
        (1_767_312_000_250.0, REFUSED),
        (True, REFUSED),
        ([], REFUSED),
    ],
)
def test_a_time_in_milliseconds_is_a_whole_number(value: object, expected: object) -> None:
    assert made(MILLISECONDS, Kind.TIME, value) == expected


def test_a_time_may_be_a_text_of_milliseconds() -> None:
    written = Time(Whole(X), TimeFormat.EPOCH_MILLISECONDS)
    assert made(written, Kind.TIME, "1000") == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert made(written, Kind.TIME, "soon") == REFUSED


@pytest.mark.parametrize(
    ("text", "with_an_offset", "or_in_utc"),
    [
        ("1970-01-01T00:00:01Z", 1, 1),
        ("1970-01-01T01:00:01.000+01:00", 1, 1),
        ("1970-01-01T00:00:01.000000", REFUSED, 1),
        ("1970-01-01 00:00:01", REFUSED, 1),
        ("1970-01-01", REFUSED, REFUSED),
        ("19700101", REFUSED, REFUSED),
        ("soon", REFUSED, REFUSED),
        ("1970-01-01T25:00:00", REFUSED, REFUSED),
        (1, REFUSED, REFUSED),
        (None, None, None),
    ],
)
def test_a_time_without_an_offset_is_one_only_where_the_mapping_says_that_it_is_in_utc(
    text: object, with_an_offset: object, or_in_utc: object
) -> None:
    for form, expected in ((TimeFormat.ISO8601, with_an_offset), (TimeFormat.ISO8601_UTC, or_in_utc)):
        instant = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC) if expected == 1 else expected
        assert made(Time(X, form), Kind.TIME, text) == instant


@UNHURRIED
@given(value=st.datetimes().map(datetime.isoformat) | st.dates().map(str) | st.text() | VALUES)
def test_both_forms_agree_on_times_without_an_offset(value: object) -> None:
    made(Time(X, TimeFormat.ISO8601_UTC), Kind.TIME, value)


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        (Text(X), Kind.TEXT),
        (Text(Whole(X)), Kind.TEXT),
        (Text(Upper(X)), Kind.TEXT),
        (Text(Lookup(X, {"7": "seven"}, None)), Kind.TEXT),
        (Concat((Text(X), Const("-"), Text(Path(("kind",))))), Kind.TEXT),
        (Coalesce((Text(Path(("absent",))), Text(X))), Kind.TEXT),
        (Lookup(Text(X), {"7": "seven"}, Text(X)), Kind.TEXT),
        (Whole(X), Kind.WHOLE),
        (Whole(X), Kind.NUMBER),
        (Whole(Text(X)), Kind.WHOLE),
        (Whole(Lookup(X, {"7": "8"}, None)), Kind.WHOLE),
        (NullIf(Whole(X), (0,)), Kind.WHOLE),
    ],
)
@pytest.mark.parametrize("drawn", ["values", "written"])
def test_both_forms_agree_whatever_is_sent(expression: Expression, kind: Kind, drawn: str) -> None:
    @UNHURRIED
    @given(value=VALUES if drawn == "values" else WRITTEN)
    def agree(value: object) -> None:
        made(expression, kind, value)

    agree()


@UNHURRIED
@given(value=st.integers(-62_135_596_800_000, 253_402_300_799_999) | st.text() | st.floats(allow_nan=False) | st.none())
def test_both_forms_agree_on_times_in_milliseconds(value: object) -> None:
    made(MILLISECONDS, Kind.TIME, value)
    made(Time(Whole(X), TimeFormat.EPOCH_MILLISECONDS), Kind.TIME, value)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ('"a.b"', ("a.b",)),
        ('a."b.c".d', ("a", "b.c", "d")),
        ('a."b[0]"[1]', ("a", "b[0]", 1)),
        ('"a b"."0"', ("a b", "0")),
        ("a.b[0].c", ("a", "b", 0, "c")),
    ],
)
def test_a_key_in_quotes_is_one_step_and_is_written_so_again(text: str, steps: tuple[str | int, ...]) -> None:
    path = read_path(text)
    assert path.steps == steps
    assert str(path) == text


def test_a_key_in_quotes_is_read_and_named_alike_in_both_forms() -> None:
    plan = planned(target("f", read_path('data."risk.score"')), target("g", read_path("data.risk.score")))
    body = {"kind": "e", "data": {"risk.score": "one", "risk": {"score": "two"}}}
    assert both(plan, body) == Normalized({"f": "one", "g": "two"})
    (refusal,) = both(plan, {"kind": "e", "data": {"risk.score": 1}}).refusals
    assert refusal.message == 'data."risk.score" must be text'


def test_what_the_gateway_found_is_the_type_and_the_id() -> None:
    plan = planned(target("f", Envelope("event_id")), event_type=Envelope("event_type"))
    assert both(plan, {}, "e") == Normalized({"f": "id"})
    assert both(plan, {}, "other") == Unsupported("other")
    assert isinstance(both(plan, {}), Rejected)


@pytest.mark.parametrize("place", ["number", "tries.made", "settled"])
@FEW
@given(value=VALUES | WRITTEN)
def test_contracts_with_them_are_read_alike_in_both_forms(
    bolt: Provider, bolt_plan: Plan, place: str, value: object
) -> None:
    for example in bolt.examples:
        body = orjson.loads(example.body)
        (body["counts"] if place == "tries.made" else body)[place] = value
        both(bolt_plan, body)
