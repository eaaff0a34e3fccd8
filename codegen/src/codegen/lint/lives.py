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
            known = set() if life.payment_id is None else {life.payment_id}
            for step in life.steps:
                message = _difference(provider, planned, life, step, known)
                if message:
                    yield life.source.finding("life-told", step.place, message, _HINT)


def _difference(provider: Provider, planned: Plan, life: Life, step: Step, known: set[str]) -> str:
    """Return what is wrong with a step; `known` are the payment and what was told to belong to it, and gets more."""
    refused = refusal(provider.envelope, step.body, step.headers)
    if refused is not None:
        return f"the gateway would refuse it: {refused}"
    names_it = any(each.encode() in step.body for each in known)
    if life.payment_id is not None and step.changes and not names_it:
        return f"{life.payment_id} is not in the body, nor anything of it told before: it tells nothing of the payment"
    found = found_in(provider.envelope, content_of(provider.envelope.form, step.body), step.headers)
    match evaluate(planned, step.body, step.merchant_id, *found):
        case Unsupported(event_type):
            return f"no mapping covers {event_type}"
        case Rejected(refusals, _):
            return f"it is rejected: {'; '.join(f'{each.code} ({each.field}: {each.message})' for each in refusals)}"
        case Normalized(event):
            subject = event.get("provider_object_id")
            if names_it and isinstance(subject, str):
                known.add(subject)
            told = {**step.event, "livemode": life.livemode} if "livemode" in event else step.event
            wrong = [
                f"{key} is {event.get(key)}, not {value}" for key, value in told.items() if event.get(key) != value
            ]
            return "; ".join(wrong)
