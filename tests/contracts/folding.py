"""What Silver makes of a payment's events, in Python: the steps of dbt/models/silver/payments.sql.

What contracts/families.yaml declares (roles, states, what orders versions) is read from it as Silver reads it; what is
done with it is Silver's own, and written a second time here: each is held against what the lives tell.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codegen.families import family_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from codegen.families import Families

Event = dict[str, Any]
Own = tuple[str, str]
"""What identifies an object of one provider: its family and the provider's id."""

RECEIVED = {"succeeded", "partially_refunded", "refunded"}
LET_GO = {"failed", "canceled"}
TAKING = {"refund", "dispute", "reversal"}


@dataclass(frozen=True, slots=True)
class Order:
    """What the contract says of the order of versions: what is there is after what is not."""

    families: Families
    event_types: Sequence[str]

    def role(self, event: Event) -> str:
        """Return what an event's object is to the money."""
        return self.families.families[family_of(event["event_type"])].role

    def rank(self, event: Event) -> int:
        """Return the rank of an event's status."""
        return self.families.families[family_of(event["event_type"])].statuses.index(event["status"])

    def place(self, event: Event) -> list[Any]:
        """Return where a version stands among those of its object, short of the id that settles what is left."""
        told = [next((event[each] for each in those if event[each] is not None), None) for those in self.families.order]
        grown = [event["refunded_cents"], event["captured_cents"]]
        ranks = [self.rank(event), self.event_types.index(event["event_type"])]
        return [(each is not None, each) if each is not None else (False,) for each in (*told, *ranks, *grown)]

    def versions(self, told: Iterable[Event]) -> dict[Own, list[Event]]:
        """Return the versions of each object, the latest last; of those that stand alike, as they came."""
        found: defaultdict[Own, list[Event]] = defaultdict(list)
        for event in told:
            found[family_of(event["event_type"]), event["provider_object_id"]].append(event)
        return {own: sorted(each, key=self.place) for own, each in found.items()}


def latest(versions: Sequence[Event], value: Callable[[Event], Any]) -> Any:
    """Return what was last told, as a version without a value says nothing."""
    return next((found for each in reversed(versions) if (found := value(each)) is not None), None)


def received(event: Event) -> bool:
    return event["status"] in RECEIVED


def changed_at(event: Event) -> Any:
    return event["object_updated_at"] or event["provider_created_at"]


def taken(event: Event) -> int | None:
    """Return what a dispute has taken so far; of what was taken in another currency the amount stands for it."""
    amount, withdrawn = event["amount_cents"], event["withdrawn_cents"]
    if withdrawn is None or (event["withdrawn_currency"] or event["currency"]) == event["currency"]:
        found: int | None = withdrawn
        return found
    return int(amount) if withdrawn > 0 else 0


def lost(versions: Sequence[Event]) -> int:
    """Return what a dispute has taken and not given back."""
    status, last = versions[-1]["status"], latest(versions, taken)
    if status == "won":
        return latest(versions, lambda e: taken(e) if e["event_type"] == "dispute.funds_reinstated" else None) or 0
    if status == "closed":
        return last or 0
    if status == "lost":
        told = latest(versions, lambda e: taken(e) if e["status"] == "lost" else None)
        if told is not None:
            return int(told)
        asked = latest(versions, lambda e: e["dispute_stage"]) == "inquiry"
        return last or (0 if asked else int(versions[-1]["amount_cents"]))
    moved = {"dispute.funds_withdrawn": 1, "dispute.funds_reinstated": 0}
    told = [moved[each["event_type"]] * each["amount_cents"] for each in versions if each["event_type"] in moved]
    return last if last is not None else int(told[-1]) if told else 0


class Body:
    """A payment, or an attempt at one, as its versions tell of it."""

    def __init__(self, order: Order, own: Own, versions: Sequence[Event]) -> None:
        """Take the versions of one object, the latest last."""
        last = versions[-1]
        self.versions = versions
        self.status: str = last["status"]
        self.currency: str = last["currency"]
        self.is_payment = order.role(last) == "payment"
        self.is_received = received(last)
        self.asked = latest(versions, lambda e: None if received(e) else e["amount_cents"])
        self.authorized = latest(versions, lambda e: e["authorized_cents"])
        self.captured = 0 if self.status in LET_GO else latest(versions, self._captured) or 0
        self.given_back = self._given_back()
        self.fee = latest(versions, lambda e: None if e["fee_cents"] is None else (e["fee_cents"], e["fee_currency"]))
        self.charge = latest(versions, lambda e: e["related_charge_id"])
        refunds = [e for e in versions if e["refunded_cents"] is not None or e["status"] in RECEIVED - {"succeeded"}]
        self.refund_told_at = max(map(changed_at, refunds), default=None)
        self.failed_at = min((changed_at(e) for e in versions if e["status"] in LET_GO), default=None)
        self.received_at = max((changed_at(e) for e in versions if received(e)), default=None)
        self.id = own[1]
        # The payment leads where it is told; else an attempt that brought money, else the latest.
        self.standing = (self.is_payment, self.is_received, max(map(changed_at, versions)), order.rank(last), self.id)

    @staticmethod
    def _captured(event: Event) -> int | None:
        told: int | None = event["captured_cents"]
        return int(event["amount_cents"]) if told is None and received(event) else told

    def _given_back(self) -> int:
        told = latest(self.versions, lambda e: e["refunded_cents"])
        if told is None and self.status == "refunded":
            told = self.captured
        return min(told or 0, self.captured)

    def is_returned(self, payment_received_at: Any, payment_charge: str | None) -> bool:
        """Tell whether an attempt failed after its payment had succeeded, which the payment does not tell."""
        if self.is_payment or self.status != "failed" or None in (self.failed_at, payment_received_at):
            return False
        late = self.failed_at > payment_received_at
        return bool(late and (self.received_at is not None or self.id == (payment_charge or self.id)))


def payment_of(order: Order, told: Iterable[Event]) -> dict[str, Any]:
    """Return the state of a payment of which these are all events, in any order: its status and its sums."""
    versions = order.versions(told)
    parts = {own: each for own, each in versions.items() if order.role(each[-1]) in TAKING}
    bodies = sorted(
        (Body(order, own, each) for own, each in versions.items() if order.role(each[-1]) in {"payment", "attempt"}),
        key=lambda each: each.standing,
    )
    lead, own, attempts = bodies[-1], [e for e in bodies if e.is_payment], [e for e in bodies if not e.is_payment]
    at = max((each.received_at for each in own if each.received_at is not None), default=None)
    charge = max((each.charge for each in own if each.charge is not None), default=None)
    returned = any(each.is_returned(at, charge) for each in bodies)
    authorized = max((e.authorized for e in own if e.authorized is not None), default=None)
    if authorized is None:
        authorized = max((e.authorized for e in attempts if e.authorized is not None), default=None)
    if authorized is None:
        authorized = next((e.versions[-1]["amount_cents"] for e in bodies[::-1] if e.status == "authorized"), None)
    captured = max(0 if returned else sum(e.captured for e in own), sum(e.captured for e in attempts))
    fees = [
        [each.fee[0] for each in some if each.fee and (each.fee[1] or lead.currency) == lead.currency]
        for some in (own, attempts)
    ]
    given_back = max(sum(e.given_back for e in own), sum(e.given_back for e in attempts))
    told_at = max((e.refund_told_at for e in bodies if e.refund_told_at is not None), default=None)
    sums = _sums_of_parts(order, parts.values(), lead.currency, told_at)
    let_go = 0
    if authorized is not None and authorized > captured and sums["covered"] - given_back == authorized - captured:
        let_go = authorized - captured
    refunded = min(captured, max(sums["refunded"] - let_go, given_back - sums["bounced"]))
    status = _own_status(lead, attempts, returned=returned)
    if status in RECEIVED and refunded > 0:
        status = "refunded" if refunded >= captured else "partially_refunded"
    elif status in RECEIVED and (sums["refunds"] or captured == 0):
        status = "succeeded"
    # Of what leads: what was asked for, else reserved, else its amount.
    asked = next(each for each in (lead.asked, lead.authorized, lead.versions[-1]["amount_cents"]) if each is not None)
    return {
        "status": status,
        "asked_minor": asked,
        "captured_minor": captured,
        "refunded_minor": refunded,
        "disputed_minor": sums["disputed"],
        "dispute_lost_minor": sums["lost"],
        "reversed_minor": 0 if sums["won"] else max(sums["reversed"] - sums["lost"], 0),
        "fee_minor": sum(fees[0] or fees[1]) + sums["fee"],
    }


def _own_status(lead: Body, attempts: Sequence[Body], *, returned: bool) -> str:
    brought = any(each.is_received for each in attempts)
    if returned and not brought:
        return "failed"
    return "succeeded" if brought and not lead.is_received else lead.status


def _sums_of_parts(order: Order, parts: Iterable[Sequence[Event]], currency: str, told_at: Any) -> dict[str, int]:
    """Return what parts take; `covered` is what the payment knew when it last told of refunds."""
    sums: defaultdict[str, int] = defaultdict(int)
    for versions in parts:
        last = versions[-1]
        amount, status = last["amount_cents"], last["status"]
        is_ours = last["currency"] == currency
        fee = latest(versions, lambda e: None if e["fee_cents"] is None else (e["fee_cents"], e["fee_currency"]))
        if fee is not None and (fee[1] or last["currency"]) == currency:
            sums["fee"] += fee[0]
        if order.role(last) == "refund":
            sums["refunds"] += 1
            failed_at = min((changed_at(e) for e in versions if e["status"] in LET_GO), default=None)
            if is_ours and status == "succeeded":
                sums["refunded"] += amount
                if told_at is not None and max(map(changed_at, versions)) <= told_at:
                    sums["covered"] += amount
            elif is_ours and status in LET_GO and told_at is not None and failed_at > told_at:
                sums["bounced"] += amount
        elif order.role(last) == "reversal":
            sums["reversed"] += amount if is_ours and status == "succeeded" else 0
        else:
            sums["won"] += status == "won"
            gone, stage = lost(versions), latest(versions, lambda e: e["dispute_stage"])
            sums["lost"] += max(gone, 0) if is_ours else 0
            if is_ours and (gone > 0 or (status != "closed" and stage != "inquiry")):
                sums["disputed"] += amount
    return sums


def attempts_failed(order: Order, told: Iterable[Event]) -> int:
    """Return how many attempts at one payment have failed by what it tells itself, each once however often it is told.

    A provider that numbers or dates versions makes another payment for another attempt.
    """
    found = set()
    for event in told:
        if order.role(event) == "payment" and event["status"] == "failed":
            plain = event["object_version"] is None and event["object_updated_at"] is None
            own = event["provider_created_at"] if plain else event["provider_object_id"]
            found.add(event["related_charge_id"] or own)
    return len(found)
