"""Rules on examples: they are the mapping's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from codegen.envelope import found_in, refusal
from codegen.expectation import plain
from codegen.mapping.evaluate import Normalized, Rejected, Unsupported, evaluate
from codegen.mapping.plan import Plan, plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.findings import Finding
    from codegen.model import Catalog, Example, Provider

_HINT = "correct the example (`codegen examples --update` writes what is expected), or the contract that it shows"


def uncovered(catalog: Catalog) -> Iterator[Finding]:
    """Yield accepted event types without an accepted and a rejected example."""
    for provider in catalog.providers:
        shown = {(example.kind, example.event_type) for example in provider.examples}
        for index, group in enumerate(provider.mapping.groups):
            for number, event in enumerate(group.events):
                for kind in ("accepted", "rejected"):
                    if (kind, event) not in shown:
                        message = f"{event} has no {kind} example"
                        place = ("groups", index, "events", number)
                        hint = f"write one in providers/{provider.name}/examples"
                        yield provider.mapping_source.finding("coverage", place, message, hint)


def wrong(catalog: Catalog) -> Iterator[Finding]:
    """Yield examples of which something else becomes than they say."""
    for provider in catalog.providers:
        planned = plan(catalog, provider)
        for example in provider.examples:
            message = _difference(provider, planned, example)
            if message:
                yield example.source.finding("example", ("expected",), message, _HINT)


def _difference(provider: Provider, planned: Plan, example: Example) -> str:  # noqa: PLR0911 - one for each outcome
    refused = refusal(provider.envelope, example.body, example.headers)
    if example.kind == "malformed":
        expected = example.reason_codes[0] if example.reason_codes else "some reason"
        return "" if refused == expected else f"the gateway says {refused or 'nothing against it'}, not {expected}"
    if refused is not None:
        return f"the gateway would refuse it: {refused}"
    found = found_in(provider.envelope, orjson.loads(example.body), example.headers)
    match evaluate(planned, example.body, example.merchant_id, found.event_id, found.event_type):
        case Unsupported(event_type):
            return "" if example.kind == "unsupported" else f"no mapping covers {event_type}"
        case Rejected(refusals, _):
            codes = tuple(each.code for each in refusals)
            if example.kind == "rejected" and codes == example.reason_codes:
                return ""
            return "it is rejected: " + "; ".join(f"{each.code} ({each.field}: {each.message})" for each in refusals)
        case Normalized(event):
            if example.kind != "accepted":
                return "it becomes a unified event"
            return _unequal(event, example.event or {})


def _unequal(event: Mapping[str, object], expected: Mapping[str, Any]) -> str:
    names = [*expected, *(name for name in event if name not in expected)]
    differ = [name for name in names if plain(event.get(name)) != expected.get(name)]
    return f"it differs from what is expected in {', '.join(differ)}" if differ else ""
