"""What a life's events say that they belong to leads to its payment, from a refund over a charge if need be.

The same steps as Silver takes: dbt/macros/attempts_of_payments.sql, by contracts/families.yaml.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from codegen.envelope import found_in
from codegen.families import family_of
from codegen.form import content_of
from codegen.loader import load
from codegen.mapping.evaluate import Normalized, evaluate
from codegen.mapping.plan import plan

from tests.conftest import ROOT

if TYPE_CHECKING:
    from codegen.model import Catalog, Life, Provider

CATALOG = load(ROOT / "contracts")
LIVES = [(each, life) for each in CATALOG.providers for life in each.lives if life.payment_id is not None]


def events(catalog: Catalog, provider: Provider, life: Life) -> list[dict[str, Any]]:
    planned = plan(catalog, provider)
    told = []
    for step in life.steps:
        found = found_in(provider.envelope, content_of(provider.envelope.form, step.body), step.headers)
        outcome = evaluate(planned, step.body, step.merchant_id, *found)
        assert isinstance(outcome, Normalized), step.place
        told.append(outcome.event)
    return told


@pytest.mark.parametrize(("provider", "life"), LIVES, ids=[f"{each.name} {life.name}" for each, life in LIVES])
def test_all_that_happens_to_a_payment_is_found_to_be_of_it(provider: Provider, life: Life) -> None:
    families = CATALOG.families.families
    behind: dict[str, str] = {}
    named: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for event in events(CATALOG, provider, life):
        name = family_of(event["event_type"])
        family, own = families[name], event["provider_object_id"]
        of: str | None = next((event[field] for field in family.belongs_to if event[field] is not None), None)
        if family.role == "none":
            continue
        if family.role in {"payment", "attempt"}:
            of = of or own
        named[name, own] |= set() if of is None else {of}
        charge = own if family.role == "attempt" else event["related_charge_id"]
        if charge is not None and of is not None and of != charge:
            behind[charge] = of
    found = {each: {behind.get(of, of) for of in those} for each, those in named.items()}
    assert found
    assert [each for each, roots in found.items() if roots != {life.payment_id}] == []
