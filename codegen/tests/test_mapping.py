"""The compiled mappings against the interpreter, and both against what the language promises."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import payments_contracts.normalize as project_normalize
import pytest
from codegen.mapping.evaluate import Normalized, Rejected, Unsupported, evaluate
from codegen.mapping.plan import plan
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from payments_contracts.examples import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from codegen.mapping.plan import Plan
    from codegen.model import Catalog, Example

Comparable = tuple[Any, ...]
MUTATIONS = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))


def interpreted(planned: Plan, body: bytes, merchant_id: str) -> Comparable:
    match evaluate(planned, body, merchant_id):
        case Normalized(event):
            return "normalized", list(event.items())
        case Rejected(refusals, event_type):
            return "rejected", [(each.code, each.field, each.message) for each in refusals], event_type
        case Unsupported(event_type):
            return "unsupported", event_type


def compiled(normalize: ModuleType, provider: str, body: bytes, merchant_id: str) -> Comparable:
    outcome = normalize.normalize(provider, body, merchant_id)
    match outcome:
        case normalize.Normalized(event):
            return "normalized", list(event.items())
        case normalize.Rejected(rejections, event_type):
            return "rejected", [(each.code, each.field, each.message) for each in rejections], event_type
        case normalize.Unsupported(event_type):
            return "unsupported", event_type
    raise AssertionError(outcome)


class Pair:
    """A provider's mapping twice: compiled and interpreted."""

    def __init__(self, catalog: Catalog, normalize: ModuleType) -> None:
        (self.provider,) = catalog.providers
        self._plan = plan(catalog, self.provider)
        self._normalize = normalize

    @property
    def examples(self) -> tuple[Example, ...]:
        return self.provider.examples

    def body(self, name: str) -> dict[str, Any]:
        (body,) = (each.body for each in self.examples if each.name == name)
        parsed: dict[str, Any] = orjson.loads(body)
        return parsed

    def outcome(self, body: bytes | dict[str, Any], merchant_id: str = "merchant") -> Comparable:
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        result = compiled(self._normalize, self.provider.name, raw, merchant_id)
        assert result == interpreted(self._plan, raw, merchant_id)
        return result

    def event(self, body: dict[str, Any]) -> dict[str, Any]:
        kind, fields, *_ = self.outcome(body)
        assert kind == "normalized", fields
        return dict(fields)

    def codes(self, body: dict[str, Any]) -> list[tuple[str, str]]:
        kind, rejections, _ = self.outcome(body)
        assert kind == "rejected"
        return [(code, field) for code, field, _ in rejections]


@pytest.fixture(scope="module")
def acme_pair(acme: Catalog, generated: Callable[[str], ModuleType]) -> Pair:
    return Pair(acme, generated("normalize"))


@pytest.fixture(scope="module")
def stripe_pair(project: Catalog) -> Pair:
    return Pair(project, project_normalize)


@pytest.fixture(params=["acme", "stripe"])
def pair(request: pytest.FixtureRequest) -> Pair:
    chosen: Pair = request.getfixturevalue(f"{request.param}_pair")
    return chosen


# What a careless or hostile sender may put anywhere.
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(
        [
            "",
            "null",
            "NULL",
            "usd",
            "USD",
            "u\u017fd",
            "paid",
            "card",
            "4242",
            "none",
            "1e400",
            "\x00",
            "2026-01-02T03:04:05Z",
        ]
    ),
    st.sampled_from([0, 1, -1, 999999999999, 1000000000000, 2**31, 2**63, 1767607200, 10**18, 1.0, -0.0]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every container and key inside a JSON value."""
    found: list[tuple[Any, Any]] = []
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        found += [(value, key), *places(member)]
    return found


@st.composite
def mutated(draw: st.DrawFn, bodies: list[Any]) -> bytes:
    """Draw an example with a few of its values replaced, removed or swapped."""
    body = copy.deepcopy(draw(st.sampled_from(bodies)))
    for _ in range(draw(st.integers(1, 4))):
        container, key = draw(st.sampled_from(places(body)))
        if isinstance(container, dict) and draw(st.booleans()) and key not in {"type", "kind"}:
            del container[key]
        else:
            container[key] = draw(VALUES)
        if not places(body):
            break
    return orjson.dumps(body)


def bodies_of(examples: Any) -> list[Any]:
    return [orjson.loads(each.body) for each in examples if each.kind in {"accepted", "rejected"}]


def test_examples_become_the_same_in_both(pair: Pair) -> None:
    for example in pair.examples:
        pair.outcome(example.body, example.merchant_id)


@MUTATIONS
@given(data=st.data())
def test_mutations_become_the_same_in_both(pair: Pair, data: st.DataObject) -> None:
    pair.outcome(data.draw(mutated(bodies_of(pair.examples))), data.draw(st.sampled_from(["m", "", "null"])))


@MUTATIONS
@given(body=st.binary(max_size=200) | VALUES.map(orjson.dumps))
def test_any_bytes_become_something(pair: Pair, body: bytes) -> None:
    assert pair.outcome(body)[0] in {"rejected", "unsupported"}


@pytest.mark.parametrize("depth", [10, 250, 260, 900, 1023, 1030, 5000])
def test_deep_nesting_never_raises(pair: Pair, depth: int) -> None:
    text = pair.examples[0].body
    inner = pair.body("paid" if pair.provider.name == "acme" else "payment_intent.created")
    target = inner["payment"] if pair.provider.name == "acme" else inner["data"]["object"]
    target["extra"] = target["payment_method_options"] = "DEEP"
    body = orjson.dumps(inner).replace(b'"DEEP"', b"[" * depth + b"]" * depth)
    assert pair.outcome(body)[0] in {"normalized", "rejected"}
    assert pair.outcome(text[: depth % len(text)] if text else text)


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"\xff\xfe", b'"\\ud800"', b"{", b"[1]", b"null", b"NaN", b'{"a":1e999}', b"\xef\xbb\xbf{}", b"7"],
)
def test_rejects_what_is_not_an_object(pair: Pair, body: bytes) -> None:
    kind, rejections, event_type = pair.outcome(body)
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
def test_rejects_an_event_without_a_type(pair: Pair, value: object, code: str) -> None:
    assert pair.codes({"type": value, "kind": value}) == [(code, "event_type")]


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
        ({"currency": "jpy"}, "exponent", 0),
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
        "notes": {"a": 1.5, "b": {"hidden": 1}, "c": None, "d": True, "e": "NULL"},
        "extra": "text",
        "parent": {"id": 7, "parent": {"id": "hidden"}},
        "address": {"city": "hidden"},
    }
    assert acme_pair.event(body)["metadata"] == {
        "notes.a": "1.5",
        "notes.d": "true",
        "notes.e": "NULL",
        "extra": "text",
        "parent.id": "7",
    }


def test_refuses_a_rest_that_is_nested_too_deeply(acme_pair: Pair) -> None:
    body = orjson.dumps(acme_pair.body("paid") | {})
    deep = body.replace(b'{"deep":[1,{"er":null}]}', b"[" * 300 + b"]" * 300)
    assert deep != body
    kind, rejections, _ = acme_pair.outcome(deep)
    assert (kind, [code for code, _, _ in rejections]) == ("rejected", ["type_invalid"])


def test_personal_data_never_reaches_the_metadata(stripe_pair: Pair) -> None:
    for example in stripe_pair.examples:
        if example.kind == "accepted":
            kept = " ".join(stripe_pair.event(orjson.loads(example.body))["metadata"].values())
            for secret in ("buyer@example.com", "Example Buyer", "Example Street", "_secret_", "cus_"):
                assert secret not in kept, example.name


def test_the_generated_examples_are_those_of_the_contracts(stripe_pair: Pair) -> None:
    assert [(each.name, each.body, each.reason_codes) for each in EXAMPLES] == [
        (each.name, each.body, each.reason_codes) for each in stripe_pair.examples
    ]


def test_reasons_hold_no_value_of_the_payload(stripe_pair: Pair) -> None:
    body = stripe_pair.body("rejected.wrong_types")
    body["data"]["object"]["currency"] = "tell-tale"
    _, rejections, _ = stripe_pair.outcome(body)
    assert all("tell-tale" not in message for _, _, message in rejections)
