"""Of a body with several faults, gateway and codegen tell the same one: the first in the contracts' order."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from codegen.envelope import refusal
from codegen.loader import load
from gateway.carried import paths_of
from gateway.composed import ComposedReader, is_composed
from gateway.envelope import EnvelopeReader
from gateway.errors import Malformed
from hypothesis import given, settings
from hypothesis import strategies as st
from payments_contracts.examples import EXAMPLES
from payments_contracts.providers import PROVIDERS

from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codegen.webhooks import Envelope as Contract
    from payments_contracts.providers import Path

NO_HEADERS: dict[str, str] = {}
ANY = settings(deadline=None, max_examples=400)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8"), max_size=3),
    st.sampled_from(
        ["null", "NULL", " ", "x" * 255, "x" * 256, "\U0001f4b8" * 255, "\U0001f4b8" * 256, "\x00" * 1_000]
    ),
    st.sampled_from([[], {}, ["x" * 256], {"object": {}}, {"object": {"metadata": {"merchant_id": "x" * 256}}}]),
)


@pytest.fixture(scope="module")
def contracts() -> dict[str, Contract]:
    return {provider.name: provider.envelope for provider in load(ROOT / "contracts").providers}


def places(provider: str) -> list[Path]:
    """Return all that leads to something that the contract names."""
    envelope = PROVIDERS[provider].envelope
    sources = (envelope.event_id, envelope.event_type, envelope.api_version, envelope.created_at, envelope.account)
    single = [path for source in sources if source is not None for path in paths_of(source)]
    paths = (*single, *envelope.merchant_id, *(path for path, _ in envelope.required))
    return sorted({path[:depth] for path in paths for depth in range(1, len(path) + 1)}, key=str)


def put(content: Any, path: Path, value: object) -> None:
    for step in path[:-1]:
        if isinstance(content, list) and isinstance(step, int) and step < len(content):
            content = content[step]
        elif isinstance(content, dict) and isinstance(step, str):
            content = content.setdefault(step, {})
        else:
            return
    last = path[-1]
    if isinstance(content, dict if isinstance(last, str) else list) and (isinstance(last, str) or last < len(content)):
        content[last] = value


def told(provider: str, body: bytes, headers: Mapping[str, str] = NO_HEADERS) -> str | None:
    contract = PROVIDERS[provider]
    if not is_composed(contract):
        found: object = EnvelopeReader(contract).read(body, "endpoint")
    else:
        reader = ComposedReader(contract)
        opened = reader.open(body)
        found = opened if isinstance(opened, Malformed) else reader.read(opened, headers, "endpoint")
    return found.reason_code if isinstance(found, Malformed) else None


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.provider}-{example.name}")
def test_examples_are_refused_for_the_same_reason(contracts: dict[str, Contract], example: Any) -> None:
    assert told(example.provider, example.body, example.headers) == refusal(
        contracts[example.provider], example.body, example.headers
    )


@ANY
@given(data=st.data(), provider=st.sampled_from(sorted(PROVIDERS)))
def test_whatever_stands_where_the_contract_looks_is_refused_for_the_same_reason(
    contracts: dict[str, Contract], data: st.DataObject, provider: str
) -> None:
    accepted = [each.body for each in EXAMPLES if (each.provider, each.kind) == (provider, "accepted")]
    content = orjson.loads(data.draw(st.sampled_from(accepted[:5])))
    for path in data.draw(st.lists(st.sampled_from(places(provider)), min_size=1, max_size=4)):
        put(content, path, deepcopy(data.draw(VALUES)))
    body = orjson.dumps(content)
    headers = next(each.headers for each in EXAMPLES if (each.provider, each.kind) == (provider, "accepted"))
    assert told(provider, body, headers) == refusal(contracts[provider], body, headers)
