"""Texts that the record repeats beside the body have as many characters as the contract allows, and no more."""

import json
from dataclasses import replace
from typing import Any

import jsonschema
import orjson
import pytest
from gateway.body_schema import body_schema
from gateway.carried import paths_of
from gateway.composed import is_composed
from gateway.envelope import Envelope, EnvelopeReader
from gateway.errors import Malformed
from hypothesis import given, settings
from hypothesis import strategies as st
from payments_contracts.examples import EXAMPLES
from payments_contracts.providers import PROVIDERS, Path, Provider

STRIPE = PROVIDERS["stripe"]
LONGEST = STRIPE.envelope.max_text_characters
LONG = "x" * (LONGEST + 1)
# One, two and four bytes of UTF-8; the last one is two units of UTF-16.
CHARACTERS = ("x", "é", "\U0001f4b8")
# Demands no time, and has room for so little that short texts show it.
TERSE = replace(
    STRIPE,
    name="terse",
    envelope=replace(STRIPE.envelope, required=((("id",), ("string",)),), max_text_characters=3),
)
TERSE_EVENT = {"id": "evt", "type": "t", "created": 5, "account": None, "data": {"object": {"metadata": {}}}}
EVENT: dict[str, Any] = {
    "id": "evt_1",
    "type": "charge.succeeded",
    "created": 1_767_607_290,
    "data": {"object": {"metadata": {}}},
}


def read(provider: Provider, content: object) -> Envelope | Malformed:
    return EnvelopeReader(provider).read(orjson.dumps(content), "endpoint")


def detail(**changes: Any) -> str:
    found = read(STRIPE, EVENT | changes)
    assert isinstance(found, Malformed)
    assert (found.stage, found.reason_code) == ("structure", "field_too_long")
    return found.detail


def put(content: Any, path: Path, value: object) -> None:
    for key in path[:-1]:
        content = content.setdefault(key, {})
    content[path[-1]] = value


def carried(provider: Provider) -> list[Path]:
    places = provider.envelope
    sources = (places.event_id, places.event_type, places.created_at, places.api_version, places.account)
    single = [path for source in sources if source is not None for path in paths_of(source)]
    return list(dict.fromkeys((*single, *places.merchant_id)))


@pytest.mark.parametrize("character", CHARACTERS)
@pytest.mark.parametrize("field", ["id", "type", "account", "api_version"])
def test_takes_a_text_that_is_as_long_as_may_be(field: str, character: str) -> None:
    found = read(STRIPE, EVENT | {field: LONGEST * character})
    assert isinstance(found, Envelope)
    names = {"id": "provider_event_id", "type": "event_type", "account": "merchant_id"}
    assert getattr(found, names.get(field, field)) == LONGEST * character


@pytest.mark.parametrize("character", CHARACTERS)
@pytest.mark.parametrize("field", ["id", "type", "account"])
def test_refuses_a_text_of_one_character_more_and_shows_nothing_of_it(field: str, character: str) -> None:
    assert detail(**{field: (LONGEST + 1) * character}) == f"The field {field} is longer than {LONGEST} characters."


def test_refuses_a_merchant_that_is_too_long_where_one_is_demanded() -> None:
    path = ("data", "object", "metadata", "merchant_id")
    places = replace(STRIPE.envelope, required=((path, ("string",)), *STRIPE.envelope.required))
    found = read(replace(STRIPE, envelope=places), EVENT | {"data": {"object": {"metadata": {"merchant_id": LONG}}}})
    assert isinstance(found, Malformed)
    assert found.detail == f"The field {'.'.join(path)} is longer than {LONGEST} characters."


def test_refuses_a_text_that_fills_the_body() -> None:
    assert detail(id="\x01" * 80_000).startswith("The field id ")


def test_takes_a_longer_text_where_the_record_does_not_repeat_it() -> None:
    content = EVENT | {
        "created": LONG,
        "api_version": LONG,
        "livemode": LONG,
        "data": {"object": {"description": LONG, "metadata": LONG}},
    }
    assert isinstance(read(STRIPE, content), Envelope)


@pytest.mark.parametrize("version", [7, [LONG], {"x": LONG}])
def test_an_api_version_that_is_not_text_has_no_length(version: object) -> None:
    found = read(STRIPE, EVENT | {"api_version": version})
    assert isinstance(found, Envelope)
    assert found.api_version is None


SIMPLE = [*(each for each in PROVIDERS.values() if not is_composed(each)), TERSE]


@settings(deadline=None, max_examples=300)
@given(data=st.data(), provider=st.sampled_from(SIMPLE))
def test_the_schema_takes_what_the_gateway_takes_whatever_the_lengths(data: st.DataObject, provider: Provider) -> None:
    examples = [each.body for each in EXAMPLES if (each.provider, each.kind) == (provider.name, "accepted")]
    content = json.loads(examples[0]) if examples else json.loads(json.dumps(TERSE_EVENT))
    longest = provider.envelope.max_text_characters
    for path in data.draw(st.lists(st.sampled_from(carried(provider)), min_size=1, max_size=3)):
        length = data.draw(st.integers(longest - 1, longest + 1))
        put(content, path, data.draw(st.sampled_from([*(length * each for each in CHARACTERS), None, 5, [LONG]])))
    schema = jsonschema.Draft202012Validator(body_schema(provider.envelope))
    assert schema.is_valid(content) == isinstance(read(provider, content), Envelope)
