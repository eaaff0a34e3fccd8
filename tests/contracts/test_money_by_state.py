"""What a state of an object means to its money, where the examples show only some of the states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import payments_contracts.normalize as normalize_package
import pytest
from codegen.language.model import Money
from codegen.language.parts import inside, taken
from codegen.loader import load

from tests.conftest import ROOT
from tests.contracts.equivalence import Pair

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.language.model import Group, Path

# How many digits a provider writes, and how many ISO 4217 gives the currency, where these are not the same.
# https://docs.stripe.com/currencies#special-cases, https://docs.adyen.com/development-resources/currency-codes,
# https://www.checkout.com/docs/developer-resources/codes/amount-calculation
DIGITS = {
    "stripe": {"ISK": (2, 0), "UGX": (2, 0), "MGA": (0, 2)},
    "adyen": {"CLP": (2, 0), "ISK": (2, 0), "IDR": (0, 2), "CVE": (0, 2)},
    "checkout": {"CLP": (2, 0)},
}
# Amounts that no example has above zero, by provider, group and field.
NEVER_SHOWN = {("stripe", "invoice", "application_fee_cents"), ("checkout", "payment", "refunded_cents")}
# A currency of as many digits in both, at each of them.
PLAIN = "USD"
ITEM = "notificationItems.0.NotificationRequestItem"
PAYMENT = "data.object.payment"
CHARGE = "data.object"
BALANCES = {"total_authorized": 6540, "total_captured": 6540, "total_refunded": 10, "total_voided": 0}
NO_PAYMENT = {"authorized_cents": None, "captured_cents": None, "refunded_cents": None, "related_charge_id": None}
# Example, what is other than in it, and what the event then has to say.
STATES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    # What was disputed is lost, won, or was only asked about.
    *(
        ("paypal", "customer.dispute.resolved", {"resource.dispute_outcome.outcome_code": code}, told)
        for code, told in (
            ("RESOLVED_BUYER_FAVOUR", {"status": "lost"}),
            ("ACCEPTED", {"status": "lost"}),
            ("RESOLVED_SELLER_FAVOUR", {"status": "won", "withdrawn_cents": 0}),
            ("RESOLVED_WITH_PAYOUT", {"status": "won", "withdrawn_cents": 0}),
            ("CANCELED_BY_BUYER", {"status": "won", "withdrawn_cents": 0}),
            ("DENIED", {"status": "won", "withdrawn_cents": 0}),
            ("NONE", {"status": "closed", "withdrawn_cents": None}),
        )
    ),
    *(
        ("paypal", "customer.dispute.updated", {"resource.status": code}, {"status": status})
        for code, status in (
            ("OPEN", "needs_response"),
            ("WAITING_FOR_BUYER_RESPONSE", "under_review"),
            ("WAITING_FOR_SELLER_RESPONSE", "needs_response"),
            ("UNDER_REVIEW", "under_review"),
            ("OTHER", "under_review"),
        )
    ),
    *(
        ("paypal", "customer.dispute.updated", {"resource.dispute_life_cycle_stage": code}, {"dispute_stage": stage})
        for code, stage in (
            ("INQUIRY", "inquiry"),
            ("CHARGEBACK", "chargeback"),
            ("PRE_ARBITRATION", "pre_arbitration"),
            ("ARBITRATION", "arbitration"),
        )
    ),
    *(
        ("razorpay", "payment.dispute.under_review", {"payload.dispute.entity.phase": code}, {"dispute_stage": stage})
        for code, stage in (
            ("fraud", "inquiry"),
            ("retrieval", "inquiry"),
            ("chargeback", "chargeback"),
            ("pre_arbitration", "pre_arbitration"),
            ("arbitration", "arbitration"),
        )
    ),
    # What is given back is held against all that was paid, the tip among it.
    *(
        (
            "square",
            "payment.updated.refunded",
            {
                f"{PAYMENT}.amount_money": {"amount": 1000, "currency": "USD"},
                f"{PAYMENT}.total_money": total,
                f"{PAYMENT}.refunded_money": {"amount": refunded, "currency": "USD"},
            },
            {"status": status, "refunded_cents": refunded, "captured_cents": captured},
        )
        for total, refunded, captured, status in (
            ({"amount": 1200, "currency": "USD"}, 1000, 1200, "partially_refunded"),
            ({"amount": 1200, "currency": "USD"}, 1200, 1200, "refunded"),
            (None, 1000, 1000, "refunded"),
            (None, 999, 1000, "partially_refunded"),
        )
    ),
    # What was authorized and not captured is in what Stripe calls given back, and nobody had paid it.
    *(
        (
            "stripe",
            "charge.refunded",
            {
                f"{CHARGE}.amount": 1000,
                f"{CHARGE}.amount_captured": captured,
                f"{CHARGE}.amount_refunded": refunded,
                f"{CHARGE}.refunded": whole,
                f"{CHARGE}.captured": taken_in,
            },
            told,
        )
        for captured, refunded, whole, taken_in, told in (
            (1000, 400, False, True, {"refunded_cents": 400, "status": "partially_refunded"}),
            (1000, 1000, True, True, {"refunded_cents": 1000, "status": "refunded"}),
            (700, 300, False, True, {"refunded_cents": 0}),
            (700, 500, False, True, {"refunded_cents": 200, "status": "partially_refunded"}),
            (700, 1000, True, True, {"refunded_cents": 700, "status": "refunded"}),
            # More was taken than asked for.
            (1150, 400, False, True, {"refunded_cents": 400, "captured_cents": 1150}),
            # To be captured again: nothing was let go yet.
            (700, 100, False, True, {"refunded_cents": 100}),
            (0, 1000, True, False, {"refunded_cents": None, "captured_cents": 0, "status": "canceled"}),
        )
    ),
    # A part that was captured stays so, whatever becomes of the rest.
    *(
        (
            "checkout",
            example,
            {
                "data.amount": 300,
                "data.balances": {
                    "total_authorized": 1000,
                    "total_captured": captured,
                    "total_refunded": 0,
                    "total_voided": 0,
                },
            },
            {"status": "succeeded", "event_type": "payment.succeeded", "amount_cents": 700, "captured_cents": 700}
            if captured
            else {"status": status, "amount_cents": 1000, "captured_cents": 0},
        )
        for captured in (0, 700)
        for example, status in (
            ("payment_voided", "canceled"),
            ("payment_canceled", "canceled"),
            ("payment_expired", "canceled"),
            ("payment_capture_declined", "authorized"),
        )
    ),
    # What is paid out is nobody's payment, though its types are a payment's: where it goes to or comes from tells.
    *(
        ("checkout", "payment_approved.card_payout", changes, {"event_type": told, "status": status, **NO_PAYMENT})
        for changes, told, status in (
            ({}, "payout.paid", "succeeded"),
            ({"data.destination": {"type": "id"}, "data.source": None}, "payout.paid", "succeeded"),
            ({"data.destination": None}, "payout.paid", "succeeded"),
            ({"data.destination": {"type": "bank_account"}}, "payout.sent", "processing"),
            ({"type": "payment_declined"}, "payout.failed", "failed"),
            ({"type": "payment_pending"}, "payout.created", "pending"),
            ({"type": "payment_compliance_review"}, "payout.updated", "pending"),
            ({"type": "payment_canceled"}, "payout.canceled", "canceled"),
            ({"type": "payment_expired"}, "payout.canceled", "canceled"),
            # No page has these of a payout.
            ({"type": "payment_captured", "data.balances": BALANCES}, "payout.paid", "succeeded"),
            ({"type": "payment_authorized", "data.balances": BALANCES}, "payout.updated", "pending"),
        )
    ),
    ("checkout", "payment_returned", {}, {"event_type": "payout.failed"}),
    ("checkout", "payment_returned", {"data.destination": None}, {"event_type": "payout.failed"}),
    ("checkout", "payment_returned", {"data.source": None}, {"event_type": "payout.failed"}),
    ("checkout", "payment_returned.debit", {}, {"event_type": "payment.failed", "status": "failed"}),
    # An account that captures at once tells of no capture; of one that does later it is not known.
    *(
        ("adyen", "authorisation.true.captured", {f"{ITEM}.{name}": value}, told)
        for name, value, told in (
            ("success", "true", {"event_type": "payment.succeeded", "authorized_cents": 6540, "captured_cents": 6540}),
            ("success", "false", {"event_type": "payment.failed", "status": "failed", "captured_cents": None}),
            ("eventCode", "CANCELLATION", {"event_type": "payment.canceled", "captured_cents": None}),
            ("additionalData.captureDelayHours", "1", {"status": "authorized", "captured_cents": None}),
            ("additionalData.captureDelayHours", None, {"status": "authorized", "captured_cents": None}),
        )
    ),
    # What an update tells of a payout is told as by the event of that.
    *(
        (
            "razorpay",
            "payout.updated.failed",
            {"payload.payout.entity.status": status},
            {"status": told, "failure_code": code, "failure_category": category},
        )
        for status, told, code, category in (
            ("failed", "failed", "bank_account_closed", "invalid_account"),
            ("reversed", "failed", "bank_account_closed", "invalid_account"),
            ("rejected", "canceled", "bank_account_closed", None),
            ("cancelled", "canceled", "bank_account_closed", None),
            ("processed", "succeeded", None, None),
            ("queued", "pending", None, None),
        )
    ),
]


@pytest.fixture(scope="module")
def pairs() -> dict[str, Pair]:
    catalog = load(ROOT / "contracts")
    return {each.name: Pair(catalog, each, normalize_package) for each in catalog.providers}


@pytest.mark.parametrize(("provider", "example", "changes", "told"), STATES)
def test_a_state_says_what_it_means_to_the_money(
    pairs: dict[str, Pair], provider: str, example: str, changes: dict[str, Any], told: dict[str, Any]
) -> None:
    pair = pairs[provider]
    body = pair.body(example)
    for path, value in changes.items():
        *above, last = path.split(".")
        at: Any = body
        for step in above:
            at = at[int(step)] if isinstance(at, list) else at[step]
        at[last] = value
    event = pair.event(body)
    assert {name: event[name] for name in told} == told


def amounts(group: Group) -> dict[str, tuple[Path, ...]]:
    """Return the fields that are converted by the currency's digits, each with the places of its amounts."""
    found = {}
    for name, expression in group.fields.items():
        values = [each.of for each in inside(expression) if isinstance(each, Money)]
        if values:
            found[name] = tuple(path for value in values for path in taken(value))
    return found


def currencies(group: Group) -> set[Path]:
    return {each.currency for field in group.fields.values() for each in inside(field) if isinstance(each, Money)}


def changed(value: Any, steps: tuple[Any, ...], change: Any) -> Any:
    """Return a value in which another stands at a place, where there is one already."""
    if not steps:
        return value if value is None else change(value)
    step, *rest = steps
    if isinstance(value, dict) and step in value:
        return {**value, step: changed(value[step], tuple(rest), change)}
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return [changed(each, tuple(rest), change) if at == step else each for at, each in enumerate(value)]
    return value


def bodies(pair: Pair) -> Iterator[tuple[Group, dict[str, Any]]]:
    for group in pair.provider.mapping.groups:
        if currencies(group):
            for example in pair.examples:
                if example.kind == "accepted" and example.event_type in group.events:
                    yield group, orjson.loads(example.body)


def written_in(pair: Pair, group: Group, body: dict[str, Any], currency: str) -> dict[str, Any]:
    """Return the event of a body in a currency; its amounts are such that one of no digits could have them, too."""
    for path in {path for paths in amounts(group).values() for path in paths}:
        body = changed(body, path.steps, lambda number: number * 100 if isinstance(number, int) else number)
    for path in currencies(group):
        body = changed(body, path.steps, lambda _: currency.lower() if pair.provider.name == "stripe" else currency)
    return pair.event(body)


@pytest.mark.parametrize("provider", DIGITS)
def test_each_amount_has_the_digits_of_the_standard(pairs: dict[str, Pair], provider: str) -> None:
    pair = pairs[provider]
    told: set[tuple[str, str, str]] = set()
    compared: set[tuple[str, str, str]] = set()
    for group, body in bodies(pair):
        told |= {(provider, group.name, name) for name in amounts(group)}
        plain = written_in(pair, group, body, PLAIN)
        shown = [name for name in amounts(group) if plain.get(name)]
        if {(provider, group.name, name) for name in shown} <= compared:
            continue
        for code, (written, iso) in DIGITS[provider].items():
            event = written_in(pair, group, body, code)
            assert event["currency_exponent"] == iso
            found = {name: event[name] * 10**written for name in shown}
            assert found == {name: plain[name] * 10**iso for name in shown}, (group.name, code)
        compared |= {(provider, group.name, name) for name in shown}
    assert told - compared == {each for each in NEVER_SHOWN if each[0] == provider}
