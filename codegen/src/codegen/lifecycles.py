"""What can happen to a provider's payments, webhook after webhook, made from its examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codegen.build import at, merchant, merge
from codegen.findings import ContractError, Finding
from codegen.form import content_of, written
from codegen.language.model import Path
from codegen.model import Life, Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from codegen.document import Document
    from codegen.model import Example
    from codegen.webhooks import Envelope

RULE = "life"
PURPOSE = "A life's steps begin with accepted examples, and the first says in which state the payment is."
_AMOUNTS = (
    "asked_minor",
    "captured_minor",
    "refunded_minor",
    "disputed_minor",
    "dispute_lost_minor",
    "reversed_minor",
    "fee_minor",
)
_TOLD = ("event_type", "status", "amount_cents", "currency")


def lives(document: Document, envelope: Envelope, examples: Sequence[Example]) -> tuple[Life, ...]:
    """Return the lives that a file declares; raises ContractError where a step has no example to begin with."""
    known = {example.name: example for example in examples if example.kind == "accepted"}
    findings: list[Finding] = []
    made: list[Life] = []
    for name, data in document.data["lives"].items():
        wrong = list(_wrong(document, name, data, known))
        findings += wrong
        if not wrong:
            made.append(_life(document, envelope, name, data, known))
    if findings:
        raise ContractError(tuple(findings))
    return tuple(made)


def _wrong(document: Document, name: str, data: Mapping[str, Any], known: Mapping[str, Example]) -> Iterator[Finding]:
    for index, step in enumerate(data["steps"]):
        place = ("lives", name, "steps", index)
        if step["example"] not in known:
            message = f"there is no accepted example {step['example']!r}"
            yield document.finding(RULE, (*place, "example"), message, "name one of the provider's accepted examples")
        if "payment" not in data and "payment" in step:
            message = "it says what a payment comes to, and the life is not a payment's"
            yield document.finding(RULE, (*place, "payment"), message, "say in `payment` of the life whose it is")
    if "payment" in data and "status" not in data["steps"][0].get("payment", {}):
        message = f"the first step of {name} does not say in which state the payment is"
        yield document.finding(RULE, ("lives", name, "steps", 0), message, "write `payment: {status: …}`")


def _life(
    document: Document, envelope: Envelope, name: str, data: Mapping[str, Any], known: Mapping[str, Example]
) -> Life:
    steps: list[Step] = []
    payment: dict[str, Any] | None = dict.fromkeys(_AMOUNTS, 0) if "payment" in data else None
    for index, each in enumerate(data["steps"]):
        example = known[each["example"]]
        body = merge(merge(content_of(envelope.form, example.body), data.get("merge", {})), each.get("merge", {}))
        if payment is not None:
            payment = {**payment, **each.get("payment", {})}
        told = {key: value for key, value in (example.event or {}).items() if key in _TOLD} | each.get("expected", {})
        headers = {key.lower(): text for key, text in data.get("headers", {}).items()}
        steps.append(
            Step(
                example=example.name,
                event_type=_type(envelope, body, example),
                merchant_id=merchant(envelope, body, example.merchant_id),
                headers={**example.headers, **headers},
                body=written(envelope.form, body),
                event=told,
                payment=payment,
                changes="payment" in each,
                place=("lives", name, "steps", index),
            )
        )
    whose = data.get("payment", {})
    return Life(
        name, data["description"], data["livemode"], whose.get("id"), whose.get("currency"), tuple(steps), document
    )


def _type(envelope: Envelope, body: Any, example: Example) -> str | None:
    path = envelope.event_type
    found = at(body, path) if isinstance(path, Path) else None
    return found if isinstance(found, str) else example.event_type
