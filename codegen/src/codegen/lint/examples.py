"""Rules on examples: they are the mapping's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.envelope import found_in, refusal
from codegen.expectation import unequal
from codegen.form import content_of
from codegen.mapping.evaluate import Normalized, Rejected, Unsupported, evaluate
from codegen.mapping.plan import Plan, plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.findings import Finding
    from codegen.model import Catalog, Example, Provider

_HINT = "correct the example (`codegen examples --update` writes what is expected), or the contract that it shows"
_BY_HAND = "correct by hand its body or its `outcome`, or the contract that it shows"


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
            outcome, message = _difference(provider, planned, example)
            if message:
                place, hint = ("expected", _HINT) if outcome == example.kind else ("outcome", _BY_HAND)
                yield example.source.finding("example", (place,), message, hint)


def _difference(provider: Provider, planned: Plan, example: Example) -> tuple[str, str]:
    """Return the outcome of an example, and what is wrong with what it says; empty where nothing is."""
    refused = refusal(provider.envelope, example.body, example.headers)
    if refused is not None:
        if example.kind != "malformed":
            return "malformed", f"the gateway would refuse it: {refused}"
        expected = ", ".join(example.reason_codes) or "some reason"
        return "malformed", "" if (refused,) == example.reason_codes else f"the gateway says {refused}, not {expected}"
    found = found_in(
        provider.envelope, content_of(provider.envelope.form, example.body), example.headers, example.received_at
    )
    outcome, message = _became(evaluate(planned, example.body, example.merchant_id, *found), example)
    if example.kind == "malformed":
        return outcome, f"the gateway says nothing against it, not {', '.join(example.reason_codes) or 'some reason'}"
    return outcome, message


def _became(result: Normalized | Rejected | Unsupported, example: Example) -> tuple[str, str]:
    match result:
        case Unsupported(event_type):
            if example.kind != "unsupported":
                return "unsupported", f"no mapping covers {event_type}"
            return "unsupported", "nothing becomes of it, so nothing is to be expected" if _expects(example) else ""
        case Rejected(refusals, _):
            codes = tuple(each.code for each in refusals)
            reasons = "; ".join(f"{each.code} ({each.field}: {each.message})" for each in refusals)
            right = (example.kind, example.reason_codes) == ("rejected", codes)
            return "rejected", "" if right else f"it is rejected: {reasons}"
        case Normalized(event):
            if example.kind != "accepted":
                return "accepted", "it becomes a unified event"
            names = ", ".join(unequal(event, example.event or {}))
            return "accepted", f"it differs from what is expected in {names}" if names else ""


def _expects(example: Example) -> bool:
    return "expected" in example.source.data
