"""Generated lives of payments, as their events tell them, in the shapes of both kinds of providers.

One kind tells of a payment and of each attempt apart, counts no versions, and tells several events in one second. The
other tells of the payment alone, with a version and a time for each change.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.integration.analytics import NOON


@dataclass(slots=True)
class Life:
    """One payment: its events, in the order in which they happened, and what was received and given back in the end."""

    payment_id: str
    provider: str
    events: list[dict[str, Any]] = field(default_factory=list)
    captured: int = 0
    refunded: int = 0
    lost: int = 0
    second: int = 0

    def tell(self, event_type: str, status: str, object_id: str, **fields: Any) -> None:
        """Add an event, told now."""
        scored = event_type.startswith("payment.")
        self.events.append(
            {
                "provider": self.provider,
                "event_type": event_type,
                "status": status,
                "provider_object_id": object_id,
                "provider_created_at": NOON + timedelta(seconds=self.second),
                "processed_at": NOON + timedelta(seconds=self.second + 1),
                "received_at": NOON + timedelta(seconds=self.second, milliseconds=7 * len(self.events)),
                "currency_exponent": 2,
                "livemode": True,
                "metadata": {},
                "fraud_score": (self.second % 7) / 10 if scored else 0.0,
                "fraud_score_source": "model" if scored else "not_scored",
                "schema_version": 3,
                **fields,
            }
        )


def lives(seed: int, count: int) -> list[Life]:
    """Return so many lives; the same seed gives the same ones."""
    chance = random.Random(seed)  # noqa: S311 - test data
    return [(_attempts if number % 2 else _versions)(chance, number) for number in range(count)]


def _attempts(chance: random.Random, number: int) -> Life:
    """Return a payment of which each attempt is a charge, or a charge without a payment."""
    alone = chance.random() < 0.25
    payment, amount = f"pi_{number}", chance.choice([0, 500, 1000, 99_999])
    life = Life(f"ch_{number}_0" if alone else payment, "stripe")
    behind = {} if alone else {"related_payment_id": payment}
    silent = not alone and chance.random() < 0.2
    failures = 0 if alone else chance.randrange(3)

    def intent(event_type: str, status: str, **fields: Any) -> None:
        if not alone and not silent:
            life.tell(event_type, status, payment, amount_cents=amount, **fields)

    intent("payment.created", "pending")
    for attempt in range(failures):
        life.second += chance.choice([0, 0, 1, 30])
        charge = f"ch_{number}_{attempt + 1}"
        life.tell("charge.failed", "failed", charge, amount_cents=amount, captured_cents=0, **behind)
        intent("payment.failed", "failed", related_charge_id=charge, failure_category="insufficient_funds")
    life.second += chance.choice([0, 0, 1])
    charge = f"ch_{number}_0"
    if chance.random() < 0.2:
        # One event does not name the payment behind the charge, another does.
        life.tell("charge.pending", "pending", charge, amount_cents=amount, captured_cents=0)
        life.tell("charge.updated", "pending", charge, amount_cents=amount, captured_cents=0, **behind)
    if chance.random() < 0.3:
        held = {"amount_cents": amount, "authorized_cents": amount, "captured_cents": 0}
        life.tell("charge.succeeded", "authorized", charge, **held, **behind)
        intent("payment.authorized", "authorized", authorized_cents=amount, captured_cents=0)
        life.second += chance.choice([0, 1])
    if chance.random() < 0.85:
        life.captured = amount - chance.choice([0, 0, amount // 3])
        got = {"amount_cents": life.captured, "captured_cents": life.captured}
        life.tell("charge.captured", "succeeded", charge, fee_cents=30, fee_currency="USD", **got, **behind)
        if not alone and not silent:
            life.tell("payment.succeeded", "succeeded", payment, related_charge_id=charge, **got)
        if chance.random() < 0.15:
            # A debit that comes back; nothing but its charge tells so.
            life.second += chance.choice([1, 86_400])
            life.tell("charge.failed", "failed", charge, amount_cents=amount, **behind)
            life.captured = 0
            return life
        _give_back(chance, life, charge, number, behind)
        if chance.random() < 0.3:
            _dispute(chance, life, charge, number)
    return life


def _give_back(chance: random.Random, life: Life, charge: str, number: int, behind: dict[str, str]) -> None:
    for refund in range(chance.choice([0, 0, 1, 2])):
        part = (life.captured - life.refunded) // 2
        life.second += chance.choice([0, 1, 60])
        # Some name the charge alone, as events of old versions of an API do.
        named = {"related_charge_id": charge, **(behind if chance.random() < 0.5 else {})}
        re = f"re_{number}_{refund}"
        life.tell("refund.created", "pending", re, amount_cents=part, **named)
        life.second += chance.choice([0, 0, 5])
        life.tell("refund.succeeded", "succeeded", re, amount_cents=part, **named)
        life.refunded += part
        if chance.random() < 0.5:
            state = {"amount_cents": life.captured, "captured_cents": life.captured, "refunded_cents": life.refunded}
            life.tell("charge.refunded", "partially_refunded", charge, **state, **behind)


def _dispute(chance: random.Random, life: Life, charge: str, number: int) -> None:
    about = {"amount_cents": life.captured, "related_charge_id": charge}
    tells = chance.random() < 0.6
    taken = life.captured - life.captured // 3 if tells else life.captured

    def tell(event_type: str, status: str, withdrawn: int, **fields: Any) -> None:
        money = {"withdrawn_cents": withdrawn, "withdrawn_currency": "USD" if withdrawn else None} if tells else {}
        life.tell(event_type, status, f"dp_{number}", **about, **money, **fields)

    if chance.random() < 0.3:
        tell("dispute.opened", "needs_response", 0, dispute_stage="inquiry")
        life.second += 1
        if chance.random() < 0.5:
            return
    tell("dispute.opened", "needs_response", 0, dispute_stage="chargeback")
    tell("dispute.funds_withdrawn", "needs_response", taken, fee_cents=1500)
    life.lost = taken
    life.second += chance.choice([0, 90])
    if chance.random() < 0.7:
        end = chance.choice(["won", "lost"])
        tell("dispute.closed", end, taken)
        if end == "won":
            life.lost = 0
            if chance.random() < 0.5:
                left = taken // 4 if tells else 0
                life.second += chance.choice([0, 5])
                tell("dispute.funds_reinstated", "won", left)
                life.lost = left


def unpaid(seed: int, count: int) -> list[Life]:
    """Return so many refunds of payments of which nothing else is told, or that belong to none; in the order of ids."""
    chance = random.Random(seed)  # noqa: S311 - test data
    found = []
    for number in range(count):
        payment = f"pi_before_{number}"
        belongs = chance.choice([{"related_payment_id": payment}, {"related_charge_id": payment}, {}])
        life = Life(payment if belongs else f"re_before_{number}", "stripe", second=number)
        amount = chance.randrange(1, 9000)
        life.tell("refund.created", "pending", f"re_before_{number}", amount_cents=amount, **belongs)
        life.second += chance.choice([0, 7])
        if chance.random() < 0.8:
            # One event may say less than another.
            said = belongs if chance.random() < 0.7 else {}
            life.tell("refund.succeeded", "succeeded", f"re_before_{number}", amount_cents=amount, **said)
            life.refunded = amount
        found.append(life)
    return found


def _versions(chance: random.Random, number: int) -> Life:
    """Return a payment of which each change is a version."""
    payment, amount = f"sq_{number}", chance.choice([0, 700, 2100])
    life = Life(payment, "square")
    version = 0

    def change(event_type: str, status: str, **fields: Any) -> None:
        nonlocal version
        version += 1
        numbered = {"object_version": version} if number % 4 else {}
        changed = NOON + timedelta(seconds=life.second, milliseconds=10 * version)
        life.tell(event_type, status, payment, amount_cents=amount, object_updated_at=changed, **numbered, **fields)

    change("payment.authorized", "authorized", authorized_cents=amount)
    life.second += chance.choice([0, 3])
    if chance.random() < 0.2:
        change("payment.failed", "failed", failure_category="expired_card")
        return life
    life.captured = amount
    for fee in (None, 91):
        # The same state again, as a fee is added.
        change("payment.succeeded", "succeeded", captured_cents=amount, fee_cents=fee)
        life.second += chance.choice([0, 3600])
    if amount and chance.random() < 0.5:
        life.refunded = amount // 3
        about = {"amount_cents": life.refunded, "related_payment_id": payment}
        life.tell("refund.created", "pending", f"{payment}_r", object_version=1, **about)
        life.tell("refund.succeeded", "succeeded", f"{payment}_r", object_version=2, **about)
        change("payment.succeeded", "succeeded", refunded_cents=life.refunded)
    return life


def named(events: Sequence[dict[str, Any]], copy: str) -> list[dict[str, Any]]:
    """Return events of a copy of their own: with ids that differ from those of another copy by its name alone."""
    ids = ("provider_object_id", "related_payment_id", "related_charge_id")
    return [
        {
            **each,
            **{name: f"{copy}|{each[name]}" for name in ids if each.get(name)},
            "merchant_id": copy,
            "event_id": f"{copy}|{number:06}",
            "provider_event_id": f"{copy}|{number:06}",
        }
        for number, each in enumerate(events)
    ]
