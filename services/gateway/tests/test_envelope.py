"""What is read of a body, and which bodies are not events."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from gateway.composed import ComposedReader, is_composed
from gateway.envelope import Envelope, EnvelopeReader
from gateway.errors import Malformed
from hypothesis import given, settings
from hypothesis import strategies as st
from payments_contracts.examples import EXAMPLES, Example
from payments_contracts.identity import event_id
from payments_contracts.providers import PROVIDERS, Provider
from payments_contracts.rules import INGESTION_REASON_CODES

STRIPE = PROVIDERS["stripe"]
# Demands an object below an object.
DEEP = replace(
    STRIPE,
    envelope=replace(
        STRIPE.envelope,
        required=((("created",), ("integer",)), (("data", "object"), ("object",)), (("id",), ("string",))),
    ),
)
CONTENT: dict[str, Any] = {
    "id": "evt_1",
    "type": "payment_intent.succeeded",
    "created": 1_767_607_290,
    "api_version": "2026-04-22.dahlia",
    "data": {"object": {"metadata": {"merchant_id": "merch_7"}}},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["id", "type", "data", "object"]), inner)
    ),
)


def read(body: bytes) -> Envelope | Malformed:
    return EnvelopeReader(STRIPE).read(body, "endpoint")


def envelope(**changes: Any) -> Envelope:
    found = read(orjson.dumps(CONTENT | changes))
    assert isinstance(found, Envelope)
    return found


def refusal(body: bytes) -> tuple[str, str]:
    found = read(body)
    assert isinstance(found, Malformed)
    return found.stage, found.reason_code


def detail(body: bytes, provider: Provider = STRIPE) -> str:
    found = EnvelopeReader(provider).read(body, "endpoint")
    assert isinstance(found, Malformed)
    return found.detail


def refused(**changes: Any) -> str:
    return refusal(orjson.dumps(CONTENT | changes))[1]


def found_in(example: Example) -> Envelope | Malformed:
    provider = PROVIDERS[example.provider]
    if not is_composed(provider):
        return EnvelopeReader(provider).read(example.body, "merch_local")
    reader = ComposedReader(provider)
    items = reader.open(example.body)
    if isinstance(items, Malformed):
        return items
    read = reader.read(items, example.headers, "merch_local")
    return read if isinstance(read, Malformed) else read[0]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.provider}-{example.name}")
def test_agrees_with_every_example_of_the_contracts(example: Example) -> None:
    found = found_in(example)
    if example.kind == "malformed":
        assert isinstance(found, Malformed)
        assert (found.reason_code,) == example.reason_codes
    else:
        assert isinstance(found, Envelope)
        assert (found.event_type, found.merchant_id) == (example.event_type, example.merchant_id)


def test_reads_what_the_contract_names() -> None:
    assert envelope() == Envelope(
        event_id=event_id("stripe", None, "evt_1"),
        provider_event_id="evt_1",
        event_type="payment_intent.succeeded",
        merchant_id="merch_7",
        api_version="2026-04-22.dahlia",
        created_at=1_767_607_290_000,
    )


@pytest.mark.parametrize(
    ("text", "millis"),
    [
        ("2026-01-05T10:01:30Z", 1_767_607_290_000),
        ("2026-01-05T11:01:30.250+01:00", 1_767_607_290_250),
        ("2026-01-05T10:01:30.037339943Z", 1_767_607_290_037),
        ("1969-12-31T23:59:59Z", None),
        ("0001-01-01T00:00:00+23:00", None),
        ("9999-12-31T23:59:59-23:00", None),
        ("2026-01-05T10:01:30", 1767607290000),
        ("2026-01-05", None),
        ("soon", None),
    ],
)
def test_reads_a_time_that_is_written_as_text(text: str, millis: int | None) -> None:
    assert envelope(created=text).created_at == millis


def test_the_same_event_has_the_same_id_whatever_else_its_body_says() -> None:
    assert envelope(created=5, pending_webhooks=9).event_id == envelope().event_id


def test_equal_ids_of_two_accounts_are_two_events() -> None:
    assert len({envelope(account=account).event_id for account in (None, "acct_1", "acct_2")}) == 3


def test_the_account_goes_before_the_merchant_of_the_metadata() -> None:
    assert envelope(account="acct_1").merchant_id == "acct_1"


def test_an_event_that_names_no_merchant_belongs_to_the_endpoints() -> None:
    assert envelope(data={"object": {}}).merchant_id == "endpoint"
    assert envelope(account="", data={"object": {"metadata": []}}).merchant_id == "endpoint"


def test_a_provider_may_have_neither_accounts_nor_versions() -> None:
    places = replace(STRIPE.envelope, account=None, api_version=None, merchant_id=(("api_version",),))
    found = EnvelopeReader(replace(STRIPE, envelope=places)).read(orjson.dumps(CONTENT | {"account": 7}), "endpoint")
    assert found == envelope()._replace(merchant_id=CONTENT["api_version"], api_version=None)


def test_where_an_account_is_not_a_merchant_it_tells_events_apart_and_no_more() -> None:
    places = replace(STRIPE.envelope, merchant_id=())
    found = EnvelopeReader(replace(STRIPE, envelope=places)).read(orjson.dumps(CONTENT | {"account": "a"}), "endpoint")
    assert isinstance(found, Envelope)
    assert (found.event_id, found.merchant_id) == (event_id("stripe", "a", "evt_1"), "endpoint")


def test_accepts_unknown_event_types_and_api_versions() -> None:
    found = envelope(type="moon.landed", api_version="2999-01-01")
    assert (found.event_type, found.api_version) == ("moon.landed", "2999-01-01")


@pytest.mark.parametrize("version", [7, None, "", "null", {}, "v" * 256])
def test_an_api_version_that_can_be_none_is_left_out(version: object) -> None:
    assert envelope(api_version=version).api_version is None


@pytest.mark.parametrize("account", [None, *sorted(STRIPE.envelope.null_values)])
def test_an_account_that_means_null_is_no_account(account: object) -> None:
    assert envelope(account=account) == envelope()


@pytest.mark.parametrize(
    "merchant",
    [None, "", "null", "NULL", " ", "\t\n", " null ", "m" * 256, "\U0001f4b8" * 256, 7, True, [], {}, ["merch_7"]],
)
def test_what_can_be_no_merchant_is_passed_over(merchant: object) -> None:
    changes = {"data": {"object": {"metadata": {"merchant_id": merchant}}}}
    assert envelope(**changes).merchant_id == "endpoint"
    assert envelope(**changes, account="acct_1").merchant_id == "acct_1"


@pytest.mark.parametrize("merchant", ["m" * 255, "nobody", "Null", "0", "none", " 7 "])
def test_any_other_text_names_a_merchant(merchant: str) -> None:
    assert envelope(data={"object": {"metadata": {"merchant_id": merchant}}}).merchant_id == merchant


@pytest.mark.parametrize("data", [None, {}, [], 7, "", "text", {"object": None}, {"object": []}, {"object": "pi_1"}])
def test_an_event_may_be_about_an_object_that_it_does_not_hold(data: object) -> None:
    assert envelope(data=data) == envelope()._replace(merchant_id="endpoint")
    without = {key: value for key, value in CONTENT.items() if key != "data"}
    assert read(orjson.dumps(without)) == envelope(data=data)


@pytest.mark.parametrize("created", [0, 253_402_214_400])
def test_reads_a_time_from_1970_to_the_last_day_of_the_calendar(created: int) -> None:
    assert envelope(created=created).created_at == created * 1000


@pytest.mark.parametrize("created", [-1, 253_402_300_800, 10**18])
def test_leaves_out_a_time_beyond_any_calendar(created: int) -> None:
    assert envelope(created=created).created_at is None


def test_the_last_of_a_repeated_key_counts() -> None:
    body = orjson.dumps(CONTENT)[:-1] + b',"id":"evt_2"}'
    found = read(body)
    assert isinstance(found, Envelope)
    assert found.provider_event_id == "evt_2"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"id=evt_1",
        b"{",
        b'{"id":"evt_1",}',
        b'{"id":NaN}',
        b'{"created":Infinity}',
        b'{"created":1e999}',
        b'{"created":' + b"9" * 5000 + b"}",
        b'{"id":"\\ud800"}',
        b"\xef\xbb\xbf{}",
        b"{}\x00",
        b"{} {}",
        b"[" * 100_000,
        b"[" * 2000 + b"]" * 2000,
        b'{"a":' * 2000 + b"1" + b"}" * 2000,
        b'{"id":"a\nb"}',
    ],
)
def test_refuses_what_is_not_json(body: bytes) -> None:
    assert refusal(body) == ("decode", "not_json")


@pytest.mark.parametrize("body", [b"\xff", b'{"id":"caf\xe9"}', b'{"id":"\xed\xa0\x80"}', b"\x1f\x8b\x08\x00"])
def test_refuses_what_is_not_utf8(body: bytes) -> None:
    assert refusal(body) == ("decode", "not_utf8")


@pytest.mark.parametrize("body", [b"[]", b"null", b"true", b"1", b"1.5", b'"text"'])
def test_refuses_what_is_not_an_object(body: bytes) -> None:
    assert refusal(body) == ("structure", "not_object")


@pytest.mark.parametrize("field", ["id", "type", "created"])
def test_refuses_a_missing_field(field: str) -> None:
    assert refused(**{field: None}) == "field_missing"
    without = {key: value for key, value in CONTENT.items() if key != field}
    assert refusal(orjson.dumps(without)) == ("structure", "field_missing")


@pytest.mark.parametrize("field", ["id", "type", "created"])
@pytest.mark.parametrize("text", sorted(STRIPE.envelope.null_values))
def test_a_text_that_means_null_counts_as_missing(field: str, text: str) -> None:
    assert refused(**{field: text}) == "field_missing"


@pytest.mark.parametrize("data", [None, {}, {"object": None}])
def test_refuses_a_missing_nested_field(data: object) -> None:
    found = detail(orjson.dumps(CONTENT | {"data": data}), DEEP)
    assert found == "The field data.object is absent, null or empty."


@pytest.mark.parametrize(
    "changes",
    [
        {"id": 5},
        {"id": ["evt_1"]},
        {"type": True},
        {"created": True},
        {"created": 1.5},
        {"created": {"seconds": 5}},
        {"created": []},
    ],
)
def test_refuses_a_field_of_another_type(changes: dict[str, Any]) -> None:
    assert refused(**changes) == "field_type"


def test_an_integer_beyond_64_bits_is_not_an_integer() -> None:
    body = orjson.dumps(CONTENT).replace(b"1767607290", b"1" + b"0" * 30)
    assert refusal(body) == ("structure", "field_type")


@pytest.mark.parametrize("account", [5, True, {}, []])
def test_refuses_an_account_of_another_type_instead_of_taking_the_event_for_that_of_another(account: object) -> None:
    assert refused(account=account) == "field_type"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"id":"caf\xe9"}', "The body is not UTF-8, from byte 10 on."),
        (b"{", "The body is not JSON (RFC 8259), or nested deeper than 1024."),
        (b"[]", "The body is a JSON array, not an object."),
        (b"null", "The body is a JSON null, not an object."),
        (b'{"id":""}', "The field id is absent, null or empty."),
        (b'{"id":5}', "The field id is a JSON integer, not string."),
    ],
)
def test_says_what_is_wrong_with_a_body(body: bytes, expected: str) -> None:
    assert detail(body) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"created": 1.5}, "The field created is a JSON number, not integer or string."),
        ({"type": True}, "The field type is a JSON boolean, not string."),
        ({"account": {}}, "The field account is a JSON object, not string."),
    ],
)
def test_says_what_is_wrong_with_a_field_and_shows_no_value(changes: dict[str, Any], expected: str) -> None:
    assert detail(orjson.dumps(CONTENT | changes)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"created": "4242424242424242"}, "The field created is a JSON string, not integer."),
        ({"data": {}}, "The field data.object is absent, null or empty."),
        ({"data": []}, "The field data is a JSON array, not object."),
        ({"data": {"object": []}}, "The field data.object is a JSON array, not object."),
        ({"data": {"object": []}, "id": 5}, "The field data.object is a JSON array, not object."),
    ],
)
def test_says_the_first_thing_that_is_wrong_with_what_stands_below_objects(
    changes: dict[str, Any], expected: str
) -> None:
    assert detail(orjson.dumps(CONTENT | changes), DEEP) == expected


@settings(deadline=None)
@given(st.binary())
def test_never_raises_whatever_the_bytes(body: bytes) -> None:
    found = read(body)
    assert isinstance(found, Malformed)
    assert found.reason_code in INGESTION_REASON_CODES


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.sampled_from(["id", "type", "created", "account", "data", "api_version"]), JSON))
def test_never_raises_whatever_the_values(changes: dict[str, Any]) -> None:
    try:
        body = orjson.dumps(CONTENT | changes)
    except TypeError:
        return  # orjson writes no integers beyond 64 bits and no lone surrogates
    found = read(body)
    assert isinstance(found, Envelope) or found.reason_code in INGESTION_REASON_CODES
