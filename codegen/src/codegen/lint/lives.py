"""Rules on lifecycles: what they tell is what becomes of their webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.envelope import found_in, refusal
from codegen.form import content_of
from codegen.mapping.evaluate import Normalized, Rejected, Unsupported, evaluate
from codegen.mapping.plan import plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.findings import Finding
    from codegen.mapping.plan import Plan
    from codegen.model import Catalog, Life, Provider, Step

_HINT = "correct the step, what is expected of it, or the mapping"


def untold(catalog: Catalog) -> Iterator[Finding]:
    """Yield steps of which something else becomes than their life says."""
    for provider in catalog.providers:
        planned = plan(catalog, provider)
        for life in provider.lives:
            for step in life.steps:
                message = _difference(provider, planned, life, step)
                if message:
                    yield life.source.finding("life-told", step.place, message, _HINT)


def _difference(provider: Provider, planned: Plan, life: Life, step: Step) -> str:
    refused = refusal(provider.envelope, step.body, step.headers)
    if refused is not None:
        return f"the gateway would refuse it: {refused}"
    if life.payment_id is not None and step.changes and life.payment_id.encode() not in step.body:
        return f"{life.payment_id} is not in the body: it tells nothing of the payment"
    found = found_in(provider.envelope, content_of(provider.envelope.form, step.body), step.headers)
    match evaluate(planned, step.body, step.merchant_id, *found):
        case Unsupported(event_type):
            return f"no mapping covers {event_type}"
        case Rejected(refusals, _):
            return f"it is rejected: {'; '.join(f'{each.code} ({each.field}: {each.message})' for each in refusals)}"
        case Normalized(event):
            told = {**step.event, "livemode": life.livemode} if "livemode" in event else step.event
            wrong = [
                f"{key} is {event.get(key)}, not {value}" for key, value in told.items() if event.get(key) != value
            ]
            return "; ".join(wrong)
