"""Of what merchants attach to their payments, only keys that a list allows go on; the raw event keeps all."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from codegen.loader import load
from codegen.mapping.evaluate import Normalized, evaluate
from codegen.mapping.plan import Plan, plan
from payments_contracts import normalize
from payments_contracts.examples import EXAMPLES

ROOT = Path(__file__).resolve().parents[2]
OWN = {
    "order_id": "A-7",
    "customer_email": "jane@example.org",
    "customer_name": "Jane Roe",
    "ip": "203.0.113.9",
    "campaign": "spring",
}


@pytest.fixture(scope="module")
def planned() -> Plan:
    catalog = load(ROOT / "contracts")
    (provider,) = (each for each in catalog.providers if each.name == "stripe")
    return plan(catalog, provider)


@pytest.mark.parametrize(
    ("more", "kept"),
    [
        (frozenset(), {"metadata.order_id": "A-7"}),
        (frozenset({"campaign"}), {"metadata.order_id": "A-7", "metadata.campaign": "spring"}),
    ],
)
def test_only_listed_keys_pass(planned: Plan, more: frozenset[str], kept: dict[str, str]) -> None:
    example = next(each for each in EXAMPLES if (each.provider, each.name) == ("stripe", "payment_intent.succeeded"))
    body = orjson.loads(example.body)
    body["data"]["object"]["metadata"] = OWN
    raw = orjson.dumps(body)
    compiled = normalize.normalize("stripe", raw, "merch_1", more_keys=more)
    oracle = evaluate(planned, raw, "merch_1", more_keys=more)
    assert isinstance(compiled, normalize.Normalized)
    assert isinstance(oracle, Normalized)
    assert compiled.event == oracle.event
    metadata = compiled.event["metadata"]
    assert isinstance(metadata, dict)
    assert {key: text for key, text in metadata.items() if key.startswith("metadata.")} == kept
