"""A fault in every field that a webhook fills: refused for the reason that the contract gives, in both forms alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import payments_contracts.normalize as normalize_package
import pytest
from codegen.language.model import Path
from codegen.loader import load
from payments_contracts import providers

from tests.conftest import ROOT
from tests.contracts.equivalence import Pair, put
from tests.contracts.faults import ODD_VALUES, faults, may_be_missing, ways, without, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.mapping.plan import Target
    from codegen.model import Catalog

    from tests.contracts.faults import Way


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load(ROOT / "contracts")


@pytest.fixture(scope="module", params=sorted(providers.PROVIDERS))
def pair(request: pytest.FixtureRequest, catalog: Catalog) -> Pair:
    (provider,) = (each for each in catalog.providers if each.name == request.param)
    return Pair(catalog, provider, normalize_package)


class Event(NamedTuple):
    """A webhook that becomes an event, by its type."""

    type: str
    body: bytes


def fields(pair: Pair) -> Iterator[tuple[Event, Target, tuple[Way, ...]]]:
    """Yield an event of each type, and each of its fields that a webhook fills, with the ways into it."""
    place = place_of_type(pair)
    for event_type, body in pair.body_of_each_type().items():
        (group,) = (each for each in pair.plan.groups if event_type in each.events)
        for target in group.targets:
            found = tuple(way for way in ways(target.expression, place, event_type) if way.path != place)
            if found:
                yield Event(event_type, body), target, found


def place_of_type(pair: Pair) -> Path | None:
    """Return where a body holds its event type; None where it is the gateway that tells it."""
    return pair.plan.event_type if isinstance(pair.plan.event_type, Path) else None


def codes(pair: Pair, event: Event, body: dict[str, Any]) -> list[tuple[str, str]]:
    """Return code and field of each rejection of a body, which came with what its gateway had found in the event's."""
    kind, rejections, *_ = pair.outcome(body, found=pair.found(event.body, pair.headers))
    return [(code, field) for code, field, _ in rejections] if kind == "rejected" else []


def test_a_wrong_value_gets_the_code_of_its_rule(pair: Pair) -> None:
    tried = 0
    for event, target, found in fields(pair):
        for way in found:
            for fault in faults(target, way):
                due = codes(pair, event, way.body(event.body, fault.value))
                assert (fault.code, target.name) in due, f"{event.type}: {fault.value!r} at {way.path}: {due}"
                tried += 1
    assert tried > 250


def test_what_has_to_be_there_is_missed(pair: Pair) -> None:
    missed = set()
    for event, target, _ in fields(pair):
        if may_be_missing(target, place_of_type(pair)):
            due = codes(pair, event, without(target, event.body, place_of_type(pair)))
            assert ("field_missing", target.name) in due, f"{event.type}: {due}"
            missed.add(target.name)
    assert missed >= {"amount_cents", "provider_created_at"}


@pytest.mark.many
def test_whatever_fills_a_field_becomes_the_same_in_both(pair: Pair) -> None:
    for event, target, found in fields(pair):
        for way in found:
            for value in (*ODD_VALUES, *words(pair.plan, target, way)):
                codes(pair, event, way.body(event.body, value))
            for place, currency in way.currencies:
                for value in (151, "0.15"):
                    body = way.body(event.body, value)
                    put(body, place.steps, currency)
                    codes(pair, event, body)


@pytest.mark.parametrize("said", ["", "null", "x" * 255, "x" * 256])
def test_what_a_gateway_found_becomes_the_same_in_both(pair: Pair, said: str) -> None:
    for body in pair.body_of_each_type().values():
        found = pair.found(body, pair.headers)
        pair.outcome(body, merchant_id=said, found=found)
        pair.outcome(body, found=found._replace(event_id=said))
        pair.outcome(body, found=found._replace(event_type=said))
