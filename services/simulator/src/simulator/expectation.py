"""The simulator's own books: what has to become of a webhook, and of the payment whose life it tells."""

from dataclasses import dataclass
from typing import Any, Final

from payments_contracts.examples import Example
from payments_contracts.lifecycles import Life, Step
from payments_contracts.pins.simulator import ExpectedPayment

_AMOUNTS = tuple(each for each in ExpectedPayment.model_fields if each.endswith("_minor") and each != "net_minor")


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the unified event has to say, and what has to be known of the payment once it and all before it have come.

    `step` is the event's place in the life, by the provider's clock.
    """

    event_type: str | None
    status: str | None
    amount_cents: int | None
    currency: str | None
    livemode: bool | None
    step: int | None = None
    payment: ExpectedPayment | None = None


NOTHING: Final = Expectation(None, None, None, None, None)
"""What is expected of a webhook that becomes no unified event."""


def expected_of(example: Example, factor: int) -> Expectation | None:
    """Return what has to become of an example whose amounts were multiplied; None where it is no unified event."""
    if example.event is None:
        return None
    event: dict[str, Any] = dict(example.event)
    amount = event.get("amount_cents")
    return Expectation(
        event_type=event["event_type"],
        status=event.get("status"),
        amount_cents=None if amount is None else amount * factor,
        currency=event.get("currency"),
        livemode=event.get("livemode"),
    )


def expected_by(life: Life, number: int, payment_id: str | None, factor: int) -> Expectation:
    """Return what has to become of a step of a life whose amounts were multiplied."""
    step = life.steps[number]
    return Expectation(
        event_type=step.event["event_type"],
        status=step.event.get("status"),
        amount_cents=step.event["amount_cents"] * factor,
        currency=step.event.get("currency"),
        livemode=life.livemode,
        step=number,
        payment=None if payment_id is None else _payment(life, step, payment_id, factor),
    )


def _payment(life: Life, step: Step, payment_id: str, factor: int) -> ExpectedPayment:
    told: dict[str, Any] = dict(step.payment or {})
    amounts: dict[str, int] = {name: told[name] * factor for name in _AMOUNTS}
    taken = amounts["refunded_minor"] + amounts["dispute_lost_minor"] + amounts["reversed_minor"]
    return ExpectedPayment(
        payment_id=payment_id,
        currency=life.currency or "",
        livemode=life.livemode,
        status=told["status"],
        **amounts,
        net_minor=amounts["captured_minor"] - taken - amounts["fee_minor"],
    )
