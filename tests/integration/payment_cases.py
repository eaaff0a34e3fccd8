"""Payments whose state is known: their events, and what Silver and Gold have of them."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tests.integration.analytics import NOON, payment

# Ids of objects are unique at a provider, so each case has ids of its own.
_IDS = ("provider_object_id", "related_payment_id", "related_charge_id")


def event(merchant: str, event_type: str, status: str, object_id: str | None, second: int, **fields: Any) -> Any:
    """Return a row of Bronze of the newest contract, told a number of seconds after noon."""
    scored = event_type.startswith("payment.")
    row = {
        "event_type": event_type,
        "status": status,
        "provider_object_id": object_id,
        "provider_created_at": NOON + timedelta(seconds=second),
        "currency_exponent": 2,
        "livemode": True,
        "metadata": {},
        "fraud_score": 0.25 if scored else 0.0,
        "fraud_score_source": "model" if scored else "not_scored",
        "schema_version": 3,
        **fields,
    }
    named = {name: f"{row[name]}|{merchant}" for name in _IDS if row.get(name)}
    return payment(merchant, **(row | named))


DAY = date(2025, 3, 1)
# Each merchant's events, what silver.payments has of them, and what Gold has.
CASES: dict[str, tuple[list[dict[str, Any]], list[list[Any]], list[list[Any]]]] = {}


def case(name: str, events: list[dict[str, Any]], silver: list[list[Any]], gold: list[list[Any]]) -> None:
    CASES[name] = events, silver, gold


_SHORT = {
    "amount": "amount_cents",
    "authorized": "authorized_cents",
    "captured": "captured_cents",
    "refunded": "refunded_cents",
    "fee": "fee_cents",
    "taken": "withdrawn_cents",
    "stage": "dispute_stage",
    "payment": "related_payment_id",
    "charge": "related_charge_id",
}


def told(event_type: str, status: str, object_id: str | None, second: int, **fields: Any) -> dict[str, Any]:
    """Return the arguments of an event, without its merchant; fields may have the short names above."""
    known = {_SHORT.get(name, name): value for name, value in fields.items()}
    return {"event_type": event_type, "status": status, "object_id": object_id, "second": second, **known}


SQUARE = {"provider": "square", "amount": 2100}
case(
    "one_square_payment_told_completed_three_times",
    [
        told("payment.authorized", "authorized", "sq_1", 0, object_version=1, **SQUARE),
        told("payment.succeeded", "succeeded", "sq_1", 1, object_version=2, captured=2100, **SQUARE),
        told("payment.succeeded", "succeeded", "sq_1", 2, object_version=3, captured=2100, fee=91, **SQUARE),
        told("payment.succeeded", "succeeded", "sq_1", 3, object_version=4, refunded=500, **SQUARE),
    ],
    [["sq_1", "partially_refunded", 2100, 2100, 500, 91, 1509, 1, 4]],
    [[DAY, "USD", "partially_refunded", 1, Decimal(21), Decimal(21), Decimal(5), Decimal("15.09"), Decimal(1)]],
)
case(
    "seven_of_ten_captured",
    [
        told("payment.authorized", "authorized", "pi_1", 0, amount=1000, authorized=1000),
        told("payment.succeeded", "succeeded", "pi_1", 1, amount=700, captured=700),
    ],
    [["pi_1", "succeeded", 1000, 700, 0, 0, 700, 1, 2]],
    [[DAY, "USD", "succeeded", 1, Decimal(7), Decimal(7), Decimal(0), Decimal(7), Decimal(1)]],
)
case(
    "what_was_authorized_and_let_go_is_told_as_a_refund",
    [
        told("payment.authorized", "authorized", "pi_1", 0, amount=1000, authorized=1000),
        told(
            "charge.captured",
            "succeeded",
            "ch_1",
            10,
            amount=700,
            authorized=1000,
            captured=700,
            refunded=0,
            payment="pi_1",
        ),
        told("payment.succeeded", "succeeded", "pi_1", 10, amount=700, authorized=1000, captured=700),
        told("refund.succeeded", "succeeded", "re_1", 10, amount=300, payment="pi_1"),
    ],
    [["pi_1", "succeeded", 1000, 700, 0, 0, 700, 1, 4]],
    [[DAY, "USD", "succeeded", 1, Decimal(7), Decimal(7), Decimal(0), Decimal(7), Decimal(1)]],
)
case(
    "a_refund_of_which_nothing_was_heard_until_it_failed",
    [
        told("payment.succeeded", "succeeded", "pi_1", 0, amount=1000, captured=1000),
        told(
            "charge.refunded",
            "partially_refunded",
            "ch_1",
            10,
            amount=1000,
            captured=1000,
            refunded=300,
            payment="pi_1",
        ),
        told("refund.failed", "failed", "re_1", 99, amount=300, payment="pi_1"),
    ],
    [["pi_1", "succeeded", 1000, 1000, 0, 0, 1000, 1, 3]],
    [[DAY, "USD", "succeeded", 1, Decimal(10), Decimal(10), Decimal(0), Decimal(10), Decimal(1)]],
)
case(
    "a_dispute_that_is_closed_and_paid_back_in_one_second",
    [
        told("payment.succeeded", "succeeded", "pi_1", 0, amount=1000, captured=1000),
        told("dispute.funds_withdrawn", "needs_response", "dp_1", 5, amount=1000, fee=1500, payment="pi_1"),
        told("dispute.funds_reinstated", "won", "dp_1", 50, amount=1000, fee=0, payment="pi_1"),
        told("dispute.closed", "won", "dp_1", 50, amount=1000, fee=1500, payment="pi_1"),
    ],
    [["pi_1", "succeeded", 1000, 1000, 0, 0, 1000, 1, 4]],
    [[DAY, "USD", "succeeded", 1, Decimal(10), Decimal(10), Decimal(0), Decimal(10), Decimal(1)]],
)
case(
    "two_states_of_one_change_whose_events_were_made_in_another_order",
    [
        told("payment.succeeded", "succeeded", "sq_1", 0, object_updated_at=NOON, captured=2100, **SQUARE),
        told("payment.authorized", "authorized", "sq_1", 5, object_updated_at=NOON, authorized=2100, **SQUARE),
    ],
    [["sq_1", "succeeded", 2100, 2100, 0, 0, 2100, 1, 2]],
    [[DAY, "USD", "succeeded", 1, Decimal(21), Decimal(21), Decimal(0), Decimal(21), Decimal(1)]],
)
case(
    "a_charge_without_a_payment_intent_and_its_refund",
    [
        told("charge.succeeded", "succeeded", "ch_1", 0, amount=5000, captured=5000),
        told("refund.succeeded", "succeeded", "re_1", 9, amount=1000, charge="ch_1"),
    ],
    [["ch_1", "partially_refunded", 5000, 5000, 1000, 0, 4000, 1, 2]],
    [[DAY, "USD", "partially_refunded", 1, Decimal(50), Decimal(50), Decimal(10), Decimal(40), Decimal(1)]],
)
case(
    "one_live_and_one_test_payment",
    [
        told("payment.succeeded", "succeeded", "pi_live", 0, amount=1000),
        told("payment.succeeded", "succeeded", "pi_test", 0, amount=77777, livemode=False),
    ],
    [
        ["pi_live", "succeeded", 1000, 1000, 0, 0, 1000, 1, 1],
        ["pi_test", "succeeded", 77777, 77777, 0, 0, 77777, 1, 1],
    ],
    [[DAY, "USD", "succeeded", 1, Decimal(10), Decimal(10), Decimal(0), Decimal(10), Decimal(1)]],
)
case(
    "a_payment_its_charges_and_a_refund_that_names_the_charge",
    [
        told("payment.failed", "failed", "pi_1", 5, amount=1000, charge="ch_1"),
        told("charge.failed", "failed", "ch_1", 5, amount=1000, captured=0, payment="pi_1"),
        told(
            "charge.succeeded",
            "succeeded",
            "ch_2",
            7,
            amount=1000,
            captured=1000,
            fee=59,
            payment="pi_1",
        ),
        told("refund.succeeded", "succeeded", "re_1", 8, amount=1000, charge="ch_2"),
        told("dispute.opened", "needs_response", "dp_1", 9, amount=400, charge="ch_2"),
    ],
    # The intent has not told yet that it succeeded; its charge has.
    [["pi_1", "refunded", 1000, 1000, 1000, 59, -59, 2, 5]],
    [[DAY, "USD", "refunded", 1, Decimal(10), Decimal(10), Decimal(10), Decimal("-0.59"), Decimal(1)]],
)
case(
    "a_refund_that_failed_after_the_charge_had_counted_it",
    [
        told("payment.succeeded", "succeeded", "pi_1", 0, amount=1000, captured=1000),
        told("refund.created", "pending", "re_1", 10, amount=300, payment="pi_1"),
        told(
            "charge.refunded",
            "partially_refunded",
            "ch_1",
            10,
            amount=1000,
            captured=1000,
            refunded=300,
            payment="pi_1",
        ),
        told("refund.failed", "failed", "re_1", 99, amount=300, payment="pi_1"),
    ],
    [["pi_1", "succeeded", 1000, 1000, 0, 0, 1000, 1, 4]],
    [[DAY, "USD", "succeeded", 1, Decimal(10), Decimal(10), Decimal(0), Decimal(10), Decimal(1)]],
)
case(
    "amounts_of_other_currencies_are_never_added",
    [
        told(
            "payment.succeeded",
            "succeeded",
            "pi_1",
            0,
            amount=1000,
            captured=1000,
            fee=30,
            fee_currency="EUR",
        ),
        told("refund.succeeded", "succeeded", "re_1", 1, amount=300, currency="EUR", payment="pi_1"),
    ],
    [["pi_1", "succeeded", 1000, 1000, 0, 0, 1000, 1, 2]],
    [[DAY, "USD", "succeeded", 1, Decimal(10), Decimal(10), Decimal(0), Decimal(10), Decimal(1)]],
)
case(
    "what_is_no_payment_counts_none",
    [
        told("payment.failed", "failed", "pi_1", 0, amount=1000),
        told("invoice.paid", "paid", "in_1", 1, amount=1000, payment="pi_1"),
        told("payout.paid", "succeeded", "po_1", 1, amount=-500),
        told("subscription.canceled", "canceled", "sub_1", 1, amount=0, currency="XXX", currency_exponent=None),
        told("refund.succeeded", "succeeded", "re_1", 1, amount=300, payment="pi_of_before"),
    ],
    [["pi_1", "failed", 1000, 0, 0, 0, 0, 1, 1], ["pi_of_before", "unknown", 0, 0, 300, 0, -300, 0, 1]],
    [
        [DAY, "USD", "failed", 1, Decimal(10), Decimal(0), Decimal(0), Decimal(0), Decimal(0)],
        [DAY, "USD", "unknown", 0, Decimal(0), Decimal(0), Decimal(3), Decimal(-3), Decimal(0)],
    ],
)
case(
    "withdrawn_money_of_a_dispute_until_it_is_won",
    [
        *(told("payment.succeeded", "succeeded", f"pi_{n}", 0, amount=1000, captured=1000) for n in "123"),
        told(
            "dispute.funds_withdrawn",
            "needs_response",
            "dp_1",
            5,
            amount=1000,
            fee=1500,
            payment="pi_1",
        ),
        told("dispute.updated", "under_review", "dp_1", 6, amount=1000, payment="pi_1"),
        told("dispute.funds_withdrawn", "needs_response", "dp_2", 5, amount=1000, payment="pi_2"),
        told("dispute.closed", "won", "dp_2", 6, amount=1000, payment="pi_2"),
        told("dispute.closed", "lost", "dp_3", 6, amount=250, payment="pi_3"),
    ],
    [
        ["pi_1", "succeeded", 1000, 1000, 0, 1500, -1500, 1, 3],
        ["pi_2", "succeeded", 1000, 1000, 0, 0, 1000, 1, 3],
        ["pi_3", "succeeded", 1000, 1000, 0, 0, 750, 1, 2],
    ],
    [[DAY, "USD", "succeeded", 3, Decimal(30), Decimal(30), Decimal(0), Decimal("2.50"), Decimal(1)]],
)
case(
    "half_of_the_day_succeeds",
    [
        told("payment.succeeded", "succeeded", "pi_1", 0, amount=1000, captured=1000),
        told("payment.failed", "failed", "pi_2", 0, amount=1000),
        told("payment.canceled", "canceled", "pi_3", 0, amount=1000),
        told("payment.succeeded", "succeeded", "pi_4", 0, amount=0, captured=0),
        told("payment.failed", "failed", "pi_5", 0, amount=1000),
    ],
    [
        ["pi_1", "succeeded", 1000, 1000, 0, 0, 1000, 1, 1],
        ["pi_2", "failed", 1000, 0, 0, 0, 0, 1, 1],
        ["pi_3", "canceled", 1000, 0, 0, 0, 0, 0, 1],
        ["pi_4", "succeeded", 0, 0, 0, 0, 0, 1, 1],
        ["pi_5", "failed", 1000, 0, 0, 0, 0, 1, 1],
    ],
    [
        [DAY, "USD", "canceled", 1, Decimal(10), Decimal(0), Decimal(0), Decimal(0), Decimal("0.5")],
        [DAY, "USD", "failed", 2, Decimal(20), Decimal(0), Decimal(0), Decimal(0), Decimal("0.5")],
        [DAY, "USD", "succeeded", 2, Decimal(10), Decimal(10), Decimal(0), Decimal(10), Decimal("0.5")],
    ],
)
case(
    "events_of_earlier_contracts",
    [
        told("payment.succeeded", "succeeded", None, 0, amount=1000, schema_version=1, livemode=None),
        told("payment.succeeded", "succeeded", "pi_2", 0, amount=700, schema_version=2, livemode=None),
        told(
            "charge.refunded",
            "refunded",
            "ch_2",
            1,
            amount=700,
            schema_version=2,
            livemode=None,
            payment="pi_2",
        ),
        told(
            "payment.succeeded",
            "succeeded",
            "pi_3",
            0,
            amount=9,
            schema_version=2,
            livemode=None,
            metadata={"livemode": "false"},
        ),
    ],
    [
        ["pi_2", "refunded", 700, 700, 700, 0, 0, 1, 2],
        ["pi_3", "succeeded", 9, 9, 0, 0, 9, 1, 1],
        ["event", "succeeded", 1000, 1000, 0, 0, 1000, 1, 1],
    ],
    [
        [DAY, "USD", "refunded", 1, Decimal(7), Decimal(7), Decimal(7), Decimal(0), Decimal(1)],
        [DAY, "USD", "succeeded", 1, Decimal(10), Decimal(10), Decimal(0), Decimal(10), Decimal(1)],
    ],
)
case(
    "a_capture_that_failed_in_the_end",
    [
        told("payment.authorized", "authorized", "pi_1", 0, amount=1000, authorized=1000),
        told("payment.succeeded", "succeeded", "pi_1", 1, amount=1000, captured=1000),
        told("payment.failed", "failed", "pi_1", 2, amount=1000),
    ],
    [["pi_1", "failed", 1000, 0, 0, 0, 0, 1, 3]],
    [[DAY, "USD", "failed", 1, Decimal(10), Decimal(0), Decimal(0), Decimal(0), Decimal(0)]],
)
case(
    "more_captured_than_asked_for",
    [
        told("payment.authorized", "authorized", "pi_1", 0, amount=1000, authorized=1000),
        told("payment.succeeded", "succeeded", "pi_1", 1, amount=1150, captured=1150, tip_cents=150),
    ],
    [["pi_1", "succeeded", 1000, 1150, 0, 0, 1150, 1, 2]],
    [[DAY, "USD", "succeeded", 1, Decimal("11.5"), Decimal("11.5"), Decimal(0), Decimal("11.5"), Decimal(1)]],
)
