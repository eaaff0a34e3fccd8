"""Tells the lives of payments as webhooks: with ids of their own, some time ago, and with amounts of their own."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from payments_contracts.forms import content_of
from payments_contracts.lifecycles import Life
from payments_contracts.providers import Path, Provider

from simulator.expectation import Expectation, expected_by
from simulator.variation import Renamed, Varied, can_scale, factor_of, instant, renew_ids, retell


@dataclass(frozen=True, slots=True)
class Told:
    """A webhook of a life, and what has to become of it."""

    example: str
    event_type: str | None
    varied: Varied
    expectation: Expectation


def choose(lives: Sequence[Life], count: int, dice: random.Random) -> Iterator[Life]:
    """Yield lives in turn, each as often as the others, for as long as at most `count` webhooks tell them."""
    left = count
    while fitting := [life for life in lives if len(life.steps) <= left]:
        for life in dice.sample(fitting, len(fitting)):
            if len(life.steps) <= left:
                left -= len(life.steps)
                yield life


def span(life: Life, provider: Provider) -> int:
    """Return how long a life takes, in seconds."""
    times = [
        seconds
        for step in life.steps
        if (
            seconds := instant(
                content_of(step.body, provider.envelope.form), provider.envelope.created_at, step.headers
            )
        )
        is not None
    ]
    return max(times) - min(times) if times else 0


def tell(  # noqa: PLR0917  # one caller
    life: Life, provider: Provider, owner: Path | None, account: str, now: datetime, age: float, dice: random.Random
) -> list[Told]:
    """Return the webhooks of a life, in the order of the provider's clock.

    Args:
        life: What happens.
        provider: Whose webhooks they are.
        owner: Where the body says which merchant's event it is; None where it does not.
        account: That merchant.
        now: The present, after the last of them.
        age: How long ago the life may have begun, in seconds; at least as long as it takes.
        dice: Source of all randomness.
    """
    fresh: Renamed = {}
    bodies = [content_of(step.body, provider.envelope.form) for step in life.steps]
    scales = all(can_scale(body, step.event["amount_cents"]) for body, step in zip(bodies, life.steps, strict=True))
    factor = factor_of(dice) if scales else 1
    took = span(life, provider)
    began = now.timestamp() - took - dice.random() * max(age - took, 0)
    first = instant(bodies[0], provider.envelope.created_at, life.steps[0].headers)
    shift = 0 if first is None else int(began) - first
    form = provider.envelope.form
    told = [
        (step, retell(step.body, step.headers, fresh, shift, factor, owner, account, dice, form)) for step in life.steps
    ]
    # In quotes, as in a body: an id may be the whole of a text.
    payment_id = None if life.payment_id is None else renew_ids(f'"{life.payment_id}"'.encode(), dice, fresh)
    whose = None if payment_id is None else payment_id.decode().strip('"')
    return [
        Told(
            f"{life.name}.{number} ({step.example})", step.event_type, varied, expected_by(life, number, whose, factor)
        )
        for number, (step, varied) in enumerate(told)
    ]
