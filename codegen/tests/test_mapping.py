"""The mapping language: what each expression promises, in the compiled and in the interpreted form alike."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.equivalence import NUMBERS, TEXTS, VALUES, Pair, mutated

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from codegen.model import Catalog

# 20 batches of 300: 6,000 mutations.
BATCHES, BATCH = 20, 300
MUTATIONS = settings(max_examples=BATCHES, deadline=None, suppress_health_check=list(HealthCheck))
ANY_BYTES = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def acme_pair(acme: Catalog, generated: Callable[[str], ModuleType]) -> Pair:
    (provider,) = acme.providers
    return Pair(acme, provider, generated("normalize"))


def test_examples_become_the_same_in_both(acme_pair: Pair) -> None:
    for example in acme_pair.examples:
        acme_pair.outcome(example.body, example.merchant_id)


@MUTATIONS
@given(seed=st.integers(0, 2**64 - 1), drawn=st.lists(VALUES, min_size=10, max_size=30))
def test_mutations_become_the_same_in_both(acme_pair: Pair, seed: int, drawn: list[Any]) -> None:
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    bodies, paths, values = acme_pair.bodies(), acme_pair.paths(), [*drawn, *acme_pair.words(), *TEXTS, *NUMBERS]
    kinds = set()
    for _ in range(BATCH):
        kinds.add(acme_pair.outcome(mutated(dice.choice(bodies), dice, paths, values), dice.choice(["m", "null"]))[0])
    assert kinds >= {"normalized", "rejected"}


@ANY_BYTES
@given(body=st.binary(max_size=200) | VALUES.map(orjson.dumps))
def test_any_bytes_become_something(acme_pair: Pair, body: bytes) -> None:
    assert acme_pair.outcome(body)[0] in {"rejected", "unsupported"}


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"\xff\xfe", b'"\\ud800"', b"{", b"[1]", b"null", b"NaN", b'{"a":1e999}', b"\xef\xbb\xbf{}", b"7"],
)
def test_rejects_what_is_not_an_object(acme_pair: Pair, body: bytes) -> None:
    kind, rejections, event_type = acme_pair.outcome(body)
    assert (kind, event_type) == ("rejected", None)
    assert [(code, field) for code, field, _ in rejections] == [("payload_unreadable", "")]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "field_missing"),
        ("", "field_missing"),
        ("null", "field_missing"),
        (7, "type_invalid"),
        ([], "type_invalid"),
    ],
)
def test_rejects_an_event_without_a_type(acme_pair: Pair, value: object, code: str) -> None:
    assert acme_pair.codes({"kind": value}) == [(code, "event_type")]


def test_reports_all_reasons_in_field_order(acme_pair: Pair) -> None:
    body = acme_pair.body("paid")
    body["at"] = 17
    body["payment"] |= {"amount": "1", "currency": "xyz", "live": 1, "risk": True, "payer": [], "settled": "soon"}
    assert acme_pair.codes(body) == [
        ("type_invalid", "amount_cents"),
        ("currency_unknown", "currency"),
        ("type_invalid", "risk"),
        ("type_invalid", "live"),
        ("type_invalid", "payer"),
        ("timestamp_invalid", "provider_created_at"),
        ("timestamp_invalid", "settled_at"),
    ]


@pytest.mark.parametrize(
    ("change", "field", "expected"),
    [
        ({"currency": "eur"}, "currency", "EUR"),
        ({"method_code": None, "method": "CASH"}, "method", "cash"),
        ({"method_code": "", "method": "none"}, "method", None),
        ({"method_code": "B", "method": 5}, "method", "bank"),
        ({"shop": None}, "reference", None),
        ({"orders": []}, "reference", None),
        ({"orders": {}}, "reference", None),
        ({"orders": ["A-1"]}, "reference", None),
        ({"orders": [{"number": "null"}]}, "reference", None),
        ({"risk": 1}, "risk", 1.0),
        ({"risk": "null"}, "risk", None),
        ({"tries": -(2**31)}, "tries", -(2**31)),
        ({"tries": 0}, "tries", None),
        ({"tries": "none"}, "tries", None),
        ({"currency": "jpy", "amount": 12500}, "exponent", 0),
        ({"currency": "jpy", "amount": 12500}, "amount_cents", 125),
        ({"currency": "JPY", "amount": 100}, "amount_cents", 1),
        ({"currency": "Kwd", "amount": 1}, "amount_cents", 10),
        ({"currency": "eur", "amount": 1}, "amount_cents", 1),
        ({"live": False}, "channel", "test"),
        ({"live": False, "channel": 7}, "channel", "test"),
        ({"channel": "S"}, "channel", "shop"),
        ({"channel": "MARKET"}, "channel", "market"),
        ({"channel": "null"}, "channel", None),
        ({"channel": None}, "channel", None),
        ({"settled": 0}, "settled_at", datetime(1970, 1, 1, tzinfo=UTC)),
        ({"settled": -1}, "settled_at", datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_value_becomes(acme_pair: Pair, change: dict[str, Any], field: str, expected: object) -> None:
    body = acme_pair.body("paid")
    body["payment"] |= change
    assert acme_pair.event(body)[field] == expected


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"currency": "eu\u017f"}, "currency_unknown", "currency"),
        ({"currency": "\u017fek"}, "currency_unknown", "currency"),
        ({"currency": 840}, "type_invalid", "currency"),
        ({"tries": False}, "type_invalid", "tries"),
        ({"tries": 0.0}, "type_invalid", "tries"),
        ({"method_code": "Q"}, "value_unknown", "method"),
        ({"method_code": 1}, "type_invalid", "method"),
        ({"method_code": None, "method": "shells"}, "value_unknown", "method"),
        ({"method_code": None, "method": {}}, "type_invalid", "method"),
        ({"shop": 5}, "type_invalid", "reference"),
        ({"orders": [{"number": 5}]}, "type_invalid", "reference"),
        ({"orders": [{"number": "a" * 41}]}, "pattern_mismatch", "reference"),
        ({"orders": [{"number": "A-1\n"}]}, "pattern_mismatch", "reference"),
        ({"tries": 2**31}, "type_invalid", "tries"),
        ({"tries": True}, "type_invalid", "tries"),
        ({"amount": 2**63}, "type_invalid", "amount_cents"),
        ({"amount": 1.0}, "type_invalid", "amount_cents"),
        ({"amount": True}, "type_invalid", "amount_cents"),
        ({"amount": "100"}, "type_invalid", "amount_cents"),
        ({"amount": 150, "currency": "jpy"}, "amount_indivisible", "amount_cents"),
        ({"amount": -150, "currency": "jpy"}, "amount_indivisible", "amount_cents"),
        ({"amount": -100, "currency": "jpy"}, "amount_not_positive", "amount_cents"),
        ({"amount": 2**60, "currency": "kwd"}, "type_invalid", "amount_cents"),
        ({"amount": 150, "currency": "jp\u00a5"}, "currency_unknown", "currency"),
        ({"amount": 150, "currency": ["jpy"]}, "type_invalid", "currency"),
        ({"channel": 7}, "type_invalid", "channel"),
        ({"channel": {}}, "type_invalid", "channel"),
        ({"settled": 10**15}, "timestamp_invalid", "settled_at"),
        ({"settled": 1.5}, "timestamp_invalid", "settled_at"),
    ],
)
def test_a_value_is_refused(acme_pair: Pair, change: dict[str, Any], code: str, field: str) -> None:
    body = acme_pair.body("paid")
    body["payment"] |= change
    assert acme_pair.codes(body) == [(code, field)]


@pytest.mark.parametrize(
    ("at", "code"),
    [
        ("2026-01-02T03:04:05", "timestamp_invalid"),
        ("yesterday", "timestamp_invalid"),
        (5, "timestamp_invalid"),
        ("0001-01-01T00:00:00+23:59", "timestamp_out_of_range"),
        ("1999-12-31T23:59:59.999Z", "timestamp_out_of_range"),
        ("2100-01-01T00:00:00.001Z", "timestamp_out_of_range"),
        (None, "field_missing"),
    ],
)
def test_a_time_is_refused(acme_pair: Pair, at: object, code: str) -> None:
    body = acme_pair.body("paid") | {"at": at}
    assert acme_pair.codes(body) == [(code, "provider_created_at")]


def test_the_rest_keeps_what_is_declared_and_nothing_else(acme_pair: Pair) -> None:
    body = acme_pair.body("paid")
    body["payment"] |= {
        "secret": "undeclared",
        "fee": {"amount": {"hidden": 1}, "taxed": "null", "name": "undeclared"},
        "tags": ["a", {"hidden": 1}],
        "notes": {"colour": 1.5, "size": {"hidden": 1}, "name": "not listed"},
        "extra": {"colour": "not declared"},
        "parent": {"id": 7, "parent": {"id": "hidden"}},
        "address": {"city": "hidden"},
    }
    assert acme_pair.event(body)["metadata"] == {
        "basket": "B-1",
        "notes.colour": "1.5",
        "parent.id": "7",
    }


@pytest.mark.parametrize(
    ("basket", "kept"),
    [
        ("B-1", {"basket": "B-1"}),
        ({"id": "B-1", "name": "undeclared"}, {"basket.id": "B-1"}),
        ({"id": ["B-1"]}, {}),
        (["B-1"], {}),
        (None, {}),
    ],
)
def test_the_rest_keeps_an_object_or_its_id(acme_pair: Pair, basket: object, kept: dict[str, str]) -> None:
    body = acme_pair.body("failed")
    body["payment"]["basket"] = basket
    assert acme_pair.event(body)["metadata"] == kept


def test_what_nobody_declared_is_not_kept_however_deep_it_is(acme_pair: Pair) -> None:
    body = orjson.dumps(acme_pair.body("paid"))
    deep = body.replace(b'{"deep":[1,{"er":null}]}', b"[" * 300 + b"]" * 300)
    assert deep != body
    assert acme_pair.outcome(deep) == acme_pair.outcome(body)
