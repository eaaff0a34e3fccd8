"""Every provider's mapping: compiled and interpreted alike, whatever is sent; nothing personal where it may not be."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import orjson
import payments_contracts.normalize as normalize_package
import pytest
from codegen.avro import walk
from codegen.language.model import Path as MappedPath
from codegen.loader import load
from codegen.webhooks import paths_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from payments_contracts import providers
from payments_contracts.examples import EXAMPLES

from tests.conftest import ROOT
from tests.contracts.equivalence import NO_HEADERS, NUMBERS, TEXTS, VALUES, Pair, mutated, put

if TYPE_CHECKING:
    from codegen.model import Catalog

# 21 batches of 500: 10,500 mutations of each provider's examples.
BATCHES, BATCH = 21, 500
MUTATIONS = settings(max_examples=BATCHES, deadline=None, suppress_health_check=list(HealthCheck))
ANY_BYTES = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))

# What stands in the examples for data of a person.
PERSONAL = (
    *("buyer@example.com", "Example Buyer", "Example Street", "Example Town", "_secret_", "cus_", "CUT1KQX8LMWZ4RBN"),
    *(
        "fingerprint",
        "411111",
        "receipts/",
        "$example",
        "ach_details",
        "billing_address",
        "billing_details",
        "shipping_",
    ),
)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load(ROOT / "contracts")


@pytest.fixture(scope="module", params=sorted(providers.PROVIDERS))
def pair(request: pytest.FixtureRequest, catalog: Catalog) -> Pair:
    (provider,) = (each for each in catalog.providers if each.name == request.param)
    return Pair(catalog, provider, normalize_package)


def test_examples_become_the_same_in_both(pair: Pair) -> None:
    for example in pair.examples:
        pair.outcome(example.body, example.merchant_id, example.headers)


@pytest.mark.many
@MUTATIONS
@given(seed=st.integers(0, 2**64 - 1), drawn=st.lists(VALUES, min_size=10, max_size=30))
def test_mutations_become_the_same_in_both(pair: Pair, seed: int, drawn: list[Any]) -> None:
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    values = [*drawn, *pair.words(), *TEXTS, *NUMBERS, None, True, False]
    examples = [
        (each.body, pair.paths(each.event_type)) for each in pair.examples if each.kind in {"accepted", "rejected"}
    ]
    kinds = set()
    for _ in range(BATCH):
        body, paths = dice.choice(examples)
        merchant, headers = dice.choice(["m", "m", "m", "", "null"]), dice.choice([pair.headers] * 9 + [NO_HEADERS])
        kinds.add(pair.outcome(mutated(body, dice, paths, values), merchant, headers)[0])
    assert kinds >= {"normalized", "rejected"}


@pytest.mark.parametrize(
    "value",
    [None, "", "null", "text", "USD", "2026-01-02T03:04:05Z", 0, -1, 150, 10**18, 2**63, 1.5, True, False, [], [7], {}],
    ids=repr,
)
def test_each_path_may_hold_anything(pair: Pair, value: object) -> None:
    for event_type, raw in pair.body_of_each_group().items():
        for path in pair.paths(event_type):
            body = orjson.loads(raw)
            put(body, path.steps, value)
            pair.outcome(body)


@pytest.mark.parametrize("value", [None, 7, "text", [], {}], ids=repr)
def test_a_stored_event_whose_body_lacks_what_its_gateway_found_is_the_same_in_both(pair: Pair, value: object) -> None:
    for event_type, raw in pair.body_of_each_group().items():
        found = pair.found(raw, pair.headers)
        places = {path.steps[:depth] for path in pair.paths(event_type) for depth in range(1, len(path.steps) + 1)}
        for steps in places:
            body = orjson.loads(raw)
            put(body, steps, value)
            without = ({"event_id": ""}, {"event_id": "null"}, {"livemode": None, "created_at": None})
            for said in (found, *(found._replace(**each) for each in without)):
                pair.outcome(body, found=said)


def test_nothing_but_the_event_type_is_all_that_is_missing(pair: Pair) -> None:
    place = pair.provider.mapping.event_type
    if not isinstance(place, MappedPath):
        return
    (step,) = place.steps
    for event_type in pair.body_of_each_group():
        codes = pair.codes({str(step): event_type})
        assert {code for code, _ in codes} == {"field_missing"}


@ANY_BYTES
@given(body=st.binary(max_size=200) | VALUES.map(orjson.dumps))
def test_any_bytes_become_something(pair: Pair, body: bytes) -> None:
    assert pair.outcome(body)[0] in {"rejected", "unsupported"}


@pytest.mark.parametrize("depth", [10, 250, 260, 900, 1015, 1023, 1030, 5000])
def test_deep_nesting_never_raises(pair: Pair, depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    of_the_type = paths_of(pair.provider.envelope.event_type)
    for path in pair.paths():
        body = orjson.loads(pair.bodies()[0])
        put(body, path.steps, "DEEP")
        raw = orjson.dumps(body)
        assert b'"DEEP"' in raw
        kind = pair.outcome(raw.replace(b'"DEEP"', deep))[0]
        # A gateway refuses what is no text where the type is; joined with other texts, the rest of it is another type.
        expected = {"normalized", "rejected"} | ({"unsupported"} if path in of_the_type else set())
        assert kind in expected, path


def test_truncated_bodies_are_rejected(pair: Pair) -> None:
    body = pair.bodies()[0]
    for length in range(0, len(body) - 1, 97):
        assert pair.outcome(body[:length])[0] == "rejected"


@pytest.mark.parametrize(
    ("value", "code"),
    [(None, "field_missing"), ("", "field_missing"), ("null", "field_missing"), (7, "type_invalid")],
)
def test_rejects_an_event_without_a_type(pair: Pair, value: object, code: str) -> None:
    place = pair.provider.mapping.event_type
    if not isinstance(place, MappedPath):
        return
    body: Any = value
    for step in reversed(place.steps):
        body = {step: body}
    assert pair.codes(body) == [(code, "event_type")]


def test_personal_data_stays_in_the_columns_that_say_so(pair: Pair, catalog: Catalog) -> None:
    mapping = pair.provider.mapping
    record = catalog.record(mapping.record, mapping.version).record
    tagged = {path[0] for path, field in walk(record) if field.personal}
    for example in pair.examples:
        if example.kind == "accepted":
            event = pair.event(orjson.loads(example.body))
            kept = str({name: value for name, value in event.items() if name not in tagged})
            assert not [each for each in PERSONAL if each in kept], example.name


def test_reasons_hold_no_value_of_the_payload(pair: Pair) -> None:
    for example in pair.examples:
        if example.kind == "accepted":
            told = example.body.replace(b'"USD"', b'"tell-tale"').replace(b'"usd"', b'"tell-tale"')
            outcome = pair.outcome(told)
            assert outcome[0] == "normalized" or "tell-tale" not in str(outcome)


def test_the_generated_examples_are_those_of_the_contracts(catalog: Catalog) -> None:
    assert [(each.provider, each.name, each.body, each.reason_codes) for each in EXAMPLES] == [
        (each.provider, each.name, each.body, each.reason_codes)
        for provider in catalog.providers
        for each in provider.examples
    ]
