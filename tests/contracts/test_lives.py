"""What a life's events say that they belong to leads to its payment, from a refund over a charge if need be.

The same steps as Silver takes: dbt/macros/attempts_of_payments.sql, by contracts/families.yaml.
"""

from __future__ import annotations

import random
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from codegen.envelope import found_in
from codegen.families import family_of
from codegen.form import content_of
from codegen.loader import load
from codegen.mapping.evaluate import Normalized, evaluate
from codegen.mapping.plan import plan

from tests.chance import AGAIN, SEED
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from codegen.model import Catalog, Life, Provider

CATALOG = load(ROOT / "contracts")
LIVES = [(each, life) for each in CATALOG.providers for life in each.lives if life.payment_id is not None]
NAMES = [f"{each.name} {life.name}" for each, life in LIVES]
FAMILIES = CATALOG.families
(TOPIC,) = (each for each in CATALOG.topics if each.name == "payments.normalized")
EVENT_TYPES = [
    event_type
    for field in CATALOG.record(TOPIC.record, TOPIC.version).record.fields
    if field.name == "event_type"
    for event_type in field.allowed
]
# How many orders of each life, beside the one backwards.
ORDERS = 20


def events(catalog: Catalog, provider: Provider, life: Life) -> list[dict[str, Any]]:
    planned = plan(catalog, provider)
    told = []
    for step in life.steps:
        found = found_in(provider.envelope, content_of(provider.envelope.form, step.body), step.headers)
        outcome = evaluate(planned, step.body, step.merchant_id, *found)
        assert isinstance(outcome, Normalized), step.place
        told.append(outcome.event)
    return told


def roots_of(told: Sequence[dict[str, Any]]) -> dict[tuple[str, str], set[str]]:
    """Return of each object the payments that its events lead to."""
    families = FAMILIES.families
    behind: dict[str, str] = {}
    named: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for event in told:
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
    return {each: {behind.get(of, of) for of in those} for each, those in named.items()}


def latest_of(told: Sequence[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return of each object its latest version: as Silver orders them, and of equals whichever came first."""
    latest: dict[tuple[str, str], tuple[list[Any], dict[str, Any]]] = {}
    for event in told:
        name = family_of(event["event_type"])
        firsts = [next((event[each] for each in those if event[each] is not None), None) for those in FAMILIES.order]
        ranks = (FAMILIES.families[name].statuses.index(event["status"]), EVENT_TYPES.index(event["event_type"]))
        # What is not there is before all that is.
        place = [(each is not None, each) if each is not None else (False,) for each in firsts] + [(True, *ranks)]
        own = name, event["provider_object_id"]
        if own not in latest or latest[own][0] < place:
            latest[own] = place, event
    return {own: event for own, (_, event) in latest.items()}


def orders(told: list[dict[str, Any]], chance: random.Random) -> Iterator[list[dict[str, Any]]]:
    """Yield the same events backwards, and in other orders in which some of them come again."""
    yield told[::-1]
    for _ in range(ORDERS):
        mixed = told + chance.choices(told, k=len(told) // 3)
        chance.shuffle(mixed)
        yield mixed


@pytest.mark.parametrize(("provider", "life"), LIVES, ids=NAMES)
def test_all_that_happens_to_a_payment_is_found_to_be_of_it(provider: Provider, life: Life) -> None:
    found = roots_of(events(CATALOG, provider, life))
    assert found
    assert [each for each, roots in found.items() if roots != {life.payment_id}] == []


def test_every_provider_tells_of_lives() -> None:
    assert {provider.name for provider, life in LIVES if len(life.steps) > 1} == {
        each.name for each in CATALOG.providers
    }


@pytest.mark.chance
@pytest.mark.parametrize(("provider", "life"), LIVES, ids=NAMES)
def test_any_order_and_repetition_of_events_leads_to_the_same_payment_in_the_same_state(
    provider: Provider, life: Life
) -> None:
    told = events(CATALOG, provider, life)
    roots, latest = roots_of(told), latest_of(told)
    # A seed of its own for each life: a new one changes no other.
    chance = random.Random(f"{SEED} {provider.name} {life.name}")  # noqa: S311 - test data
    for mixed in orders(told, chance):
        order = [told.index(each) for each in mixed]
        assert roots_of(mixed) == roots, f"order {order}, {AGAIN}"
        assert latest_of(mixed) == latest, f"order {order}, {AGAIN}"
