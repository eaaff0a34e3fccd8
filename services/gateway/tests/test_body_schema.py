"""The schema of a body takes what the gateway takes, and nothing else."""

import json
from copy import deepcopy
from typing import Any

import jsonschema
import pytest
from gateway.body_schema import body_schema
from gateway.composed import ComposedReader, is_composed
from gateway.envelope import Envelope, EnvelopeReader
from hypothesis import given, settings
from hypothesis import strategies as st
from payments_contracts.examples import EXAMPLES
from payments_contracts.providers import PROVIDERS, Path, Provider

from .greedy import GREEDY, GREEDY_EVENT

STRIPE = PROVIDERS["stripe"]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(["", 0, -(2**63), -(2**63) - 1, 2**63, 2**64 - 1, 2**64, 10**30, [], {}, [{}]]),
    # What has no fraction but is written with one is an integer to JSON Schema, and none to the gateway.
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer()),
    st.text(st.characters(codec="utf-8"), max_size=3),
    st.sampled_from(["null", "NULL", " ", "2026-01-05T10:01:30Z"]),
    st.dictionaries(
        st.sampled_from(["id", "account", "object", "else", "merchant_id"]), st.none() | st.text(max_size=2)
    ),
)


def put(content: Any, path: Path, value: object) -> None:
    """Put a value where a path leads, as far as nothing is in the way."""
    *steps, last = path
    for key in steps:
        if isinstance(content, dict):
            content = content.setdefault(key, {})
        elif isinstance(content, list) and isinstance(key, int) and key < len(content):
            content = content[key]
        else:
            return
    is_there = isinstance(last, int) and isinstance(content, list) and last < len(content)
    if is_there or isinstance(content, dict):
        content[last] = value


def places(provider: Provider) -> list[Path]:
    """Return all that leads to something that the contract names."""
    envelope = provider.envelope
    owners = [*envelope.merchant_id, *([] if envelope.account is None else [envelope.account])]
    paths = [path for path, _ in envelope.required] + owners
    return sorted({path[:depth] for path in paths for depth in range(1, len(path) + 1)})


def event(provider: Provider) -> dict[str, Any]:
    if provider is GREEDY:
        return GREEDY_EVENT
    found: dict[str, Any] = next(
        json.loads(each.body) for each in EXAMPLES if each.provider == provider.name and each.kind == "accepted"
    )
    return found


def takes(provider: Provider, body: bytes) -> bool:
    """Return whether the gateway takes a body that comes with its provider's headers."""
    if not is_composed(provider):
        return isinstance(EnvelopeReader(provider).read(body, "endpoint"), Envelope)
    reader = ComposedReader(provider)
    items = reader.open(body)
    headers = next(each.headers for each in EXAMPLES if each.provider == provider.name)
    return isinstance(items, list) and isinstance(reader.read(items, headers, "endpoint"), list)


def agree(provider: Provider, content: object) -> bool:
    """Return the verdict on a body, which has to be the same of both."""
    body = json.dumps(content).encode()
    taken = takes(provider, body)
    schema = jsonschema.Draft202012Validator(body_schema(provider.envelope))
    assert schema.is_valid(content) == taken, body
    return taken


CASES = [*PROVIDERS.values(), GREEDY]


@pytest.mark.parametrize("provider", CASES, ids=lambda provider: provider.name)
def test_takes_an_event(provider: Provider) -> None:
    assert agree(provider, event(provider))


@pytest.mark.parametrize("provider", CASES, ids=lambda provider: provider.name)
@pytest.mark.parametrize("body", [None, True, 1, 1.5, "text", [], {}])
def test_takes_nothing_that_has_none_of_what_it_demands(provider: Provider, body: object) -> None:
    assert not agree(provider, body)


@settings(deadline=None, max_examples=400)
@given(data=st.data(), provider=st.sampled_from(CASES))
def test_takes_what_the_gateway_takes_whatever_stands_where_the_contract_looks(
    data: st.DataObject, provider: Provider
) -> None:
    content = json.loads(json.dumps(event(provider)))
    for path in data.draw(st.lists(st.sampled_from(places(provider)), min_size=1, max_size=3)):
        # Copied, since what is put below it would change it for all that follow.
        put(content, path, deepcopy(data.draw(VALUES)))
    agree(provider, content)


@pytest.mark.parametrize("number", [-(2**63), 2**63, 2**64 - 1])
def test_takes_integers_of_64_bits(number: int) -> None:
    assert agree(STRIPE, event(STRIPE) | {"created": number})


@pytest.mark.parametrize("number", [-(2**63) - 1, 2**64, 1.5, True, [], {}, "", "null", "NULL"])
def test_takes_nothing_else_for_an_integer_or_a_text(number: object) -> None:
    assert not agree(STRIPE, event(STRIPE) | {"created": number})


@pytest.mark.parametrize("metadata", [None, 7, "text", [], {}, {"merchant_id": None}, {"merchant_id": ""}])
def test_takes_an_event_whose_merchant_stands_nowhere(metadata: object) -> None:
    assert agree(STRIPE, event(STRIPE) | {"account": "", "data": {"object": {"metadata": metadata}}})


@pytest.mark.parametrize("account", [7, True, [], {}])
def test_takes_no_account_of_another_type(account: object) -> None:
    assert not agree(STRIPE, event(STRIPE) | {"account": account})


@pytest.mark.parametrize("merchant", [7, True, [], {}, "m" * 300, "null", " "])
def test_takes_an_event_whatever_a_merchant_wrote_into_it(merchant: object) -> None:
    assert agree(STRIPE, event(STRIPE) | {"data": {"object": {"metadata": {"merchant_id": merchant}}}})


@pytest.mark.parametrize("data", [None, [], {}, {"object": None}])
def test_takes_an_event_without_its_object(data: object) -> None:
    assert agree(STRIPE, event(STRIPE) | {"data": data})
