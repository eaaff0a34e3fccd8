"""A life's events lead to its payment, from a refund over a charge if need be, and to the state that the life tells.

The same steps as Silver takes: dbt/macros/attempts_of_payments.sql and `folding`, by contracts/families.yaml.
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
from tests.contracts.folding import Order, attempts_failed, payment_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from codegen.model import Catalog, Life, Provider

CATALOG = load(ROOT / "contracts")
LIVES = [(each, life) for each in CATALOG.providers for life in each.lives if life.payment_id is not None]
NAMES = [f"{each.name} {life.name}" for each, life in LIVES]
FAMILIES = CATALOG.families
(TOPIC,) = (each for each in CATALOG.topics if each.name == "payments.normalized")
FIELDS = CATALOG.record(TOPIC.record, TOPIC.version).record.fields
ORDER = Order(FAMILIES, [event_type for field in FIELDS if field.name == "event_type" for event_type in field.allowed])
# How many orders of each life, beside the one backwards.
ORDERS = 20


def events(catalog: Catalog, provider: Provider, life: Life) -> list[dict[str, Any]]:
    planned = plan(catalog, provider)
    told = []
    for step in life.steps:
        found = found_in(provider.envelope, content_of(provider.envelope.form, step.body), step.headers)
        outcome = evaluate(planned, step.body, step.merchant_id, *found)
        assert isinstance(outcome, Normalized), step.place
        told.append({field.name: None for field in FIELDS} | dict(outcome.event))
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
def test_any_order_and_repetition_of_events_leads_to_the_state_that_the_life_tells(
    provider: Provider, life: Life
) -> None:
    told = events(CATALOG, provider, life)
    roots = roots_of(told)
    # A life is told by the provider's clock: what is told last of an object is its latest version.
    last = {(family_of(each["event_type"]), each["provider_object_id"]): each for each in told}
    # A seed of its own for each life: a new one changes no other.
    chance = random.Random(f"{SEED} {provider.name} {life.name}")  # noqa: S311 - test data
    for mixed in orders(told, chance):
        order = [told.index(each) for each in mixed]
        assert roots_of(mixed) == roots, f"order {order}, {AGAIN}"
        latest = {own: versions[-1] for own, versions in ORDER.versions(mixed).items()}
        assert latest == last, f"order {order}, {AGAIN}"


@pytest.mark.chance
@pytest.mark.parametrize(("provider", "life"), LIVES, ids=NAMES)
def test_after_each_step_the_payment_is_what_the_life_tells(provider: Provider, life: Life) -> None:
    told = events(CATALOG, provider, life)
    chance = random.Random(f"{SEED} {provider.name} {life.name}")  # noqa: S311 - test data
    for count, step in enumerate(life.steps, start=1):
        for mixed in (told[:count], *orders(told[:count], chance)):
            order = [told.index(each) for each in mixed]
            state = payment_of(ORDER, mixed)
            assert step.payment is not None
            expected = {name: value for name, value in step.payment.items() if name in state}
            assert {name: state[name] for name in expected} == expected, f"{step.example}, order {order}, {AGAIN}"
            assert expected.keys() >= {"status"}


# Lives in which something fails after it had gone through: nothing but the clock tells which is later.
BY_THE_CLOCK = {"adyen capture_failed", "checkout debited_and_sent_back"}


@pytest.mark.parametrize(("provider", "life"), LIVES, ids=NAMES)
def test_what_is_told_in_one_instant_stands_in_the_order_of_the_life(provider: Provider, life: Life) -> None:
    told = events(CATALOG, provider, life)
    at_once = {"object_version": None, "object_updated_at": None, "provider_created_at": told[0]["provider_created_at"]}
    last = {(family_of(each["event_type"]), each["provider_object_id"]): each["status"] for each in told}
    versions = ORDER.versions(each | at_once for each in told[::-1])
    found = {own: each[-1]["status"] for own, each in versions.items()}
    assert (found != last) == (f"{provider.name} {life.name}" in BY_THE_CLOCK)


# Lives in which more than one event tells of a failure, and how many attempts have failed.
FAILED = {"checkout not_authenticated_and_told_twice": 1}


@pytest.mark.parametrize("name", FAILED)
def test_each_attempt_that_failed_counts_once(name: str) -> None:
    provider, life = LIVES[NAMES.index(name)]
    told = events(CATALOG, provider, life)
    assert sum(each["status"] == "failed" for each in told) > 1
    assert attempts_failed(ORDER, told) == FAILED[name]


def test_attempts_that_are_authorizations_of_their_own_count_each() -> None:
    (provider,) = (each for each in CATALOG.providers if each.name == "checkout")
    (life,) = (each for each in provider.lives if each.name == "declined")
    (told,) = events(CATALOG, provider, life)
    again = told | {"provider_event_id": "evt_2", "related_charge_id": "act_another", "status": "failed"}
    assert told["related_charge_id"] is not None
    assert attempts_failed(ORDER, [told, again, again]) == 2
