"""Payments whose money does not stay: disputes, debits that come back, and refunds of payments that were never told."""

from datetime import date, timedelta
from decimal import Decimal

from tests.integration.analytics import NOON
from tests.integration.payment_cases import CASES, DAY, SQUARE, case, told

__all__ = ["CASES"]


def paid(number: int) -> dict[str, object]:
    """Return that a payment of 10.00 has succeeded."""
    return told("payment.succeeded", "succeeded", f"pi_{number}", 0, amount=1000, captured=1000)


case(
    "what_a_dispute_takes_is_not_what_is_disputed",
    [
        *(paid(number) for number in range(1, 8)),
        # Lost in part: the rest had been given back before.
        told("dispute.opened", "needs_response", "dp_1", 5, amount=1000, taken=0, stage="chargeback", payment="pi_1"),
        told("dispute.closed", "lost", "dp_1", 9, amount=1000, taken=600, payment="pi_1"),
        # A bank only asks.
        told("dispute.opened", "needs_response", "dp_2", 5, amount=1000, taken=0, stage="inquiry", payment="pi_2"),
        # It had asked, and now it takes.
        told("dispute.opened", "needs_response", "dp_3", 5, amount=1000, taken=0, stage="inquiry", payment="pi_3"),
        told("dispute.updated", "under_review", "dp_3", 6, amount=1000, taken=1000, stage="chargeback", payment="pi_3"),
        # Won before the money is back, and once all of it is.
        told("dispute.funds_withdrawn", "needs_response", "dp_4", 5, amount=1000, taken=1000, payment="pi_4"),
        told("dispute.closed", "won", "dp_4", 7, amount=1000, taken=1000, payment="pi_4"),
        told("dispute.funds_withdrawn", "needs_response", "dp_5", 5, amount=1000, taken=1000, payment="pi_5"),
        told("dispute.funds_reinstated", "won", "dp_5", 7, amount=1000, taken=0, payment="pi_5"),
        # Won, and a part comes back.
        told("dispute.funds_withdrawn", "needs_response", "dp_6", 5, amount=1000, taken=1000, payment="pi_6"),
        told("dispute.funds_reinstated", "won", "dp_6", 7, amount=1000, taken=250, payment="pi_6"),
        # Taken from a balance in another currency: how much of this one is not known.
        told(
            "dispute.closed",
            "lost",
            "dp_7",
            7,
            amount=1000,
            taken=880,
            withdrawn_currency="EUR",
            payment="pi_7",
        ),
    ],
    [
        ["pi_1", "succeeded", 1000, 1000, 0, 0, 400, 1, 3],
        ["pi_2", "succeeded", 1000, 1000, 0, 0, 1000, 1, 2],
        ["pi_3", "succeeded", 1000, 1000, 0, 0, 0, 1, 3],
        ["pi_4", "succeeded", 1000, 1000, 0, 0, 1000, 1, 3],
        ["pi_5", "succeeded", 1000, 1000, 0, 0, 1000, 1, 3],
        ["pi_6", "succeeded", 1000, 1000, 0, 0, 750, 1, 3],
        ["pi_7", "succeeded", 1000, 1000, 0, 0, 0, 1, 2],
    ],
    [[DAY, "USD", "succeeded", 7, Decimal(70), Decimal(70), Decimal(0), Decimal("41.50"), Decimal(1)]],
)
case(
    "a_debit_that_fails_after_its_payment_had_succeeded",
    [
        paid(1),
        told("charge.failed", "failed", "py_1", 90, amount=1000, payment="pi_1", failure_category="insufficient_funds"),
        # An attempt that had failed before the one that brought the money, told of again later.
        told("charge.failed", "failed", "ch_2a", 0, amount=1000, payment="pi_2"),
        told("payment.succeeded", "succeeded", "pi_2", 5, amount=1000, captured=1000, charge="ch_2b"),
        told("charge.updated", "failed", "ch_2a", 90, amount=1000, payment="pi_2"),
        # Nothing was heard of the first attempt until then: the payment says that another one brought the money.
        told("payment.succeeded", "succeeded", "pi_3", 5, amount=1000, captured=1000, charge="ch_3b"),
        told("charge.updated", "failed", "ch_3a", 90, amount=1000, payment="pi_3"),
        # The payment has the last word, where it is the later one.
        told("charge.failed", "failed", "py_4", 1, amount=1000, payment="pi_4"),
        told("payment.succeeded", "succeeded", "pi_4", 5, amount=1000, captured=1000, tip_cents=10),
        # Nobody keeps a tip of what came back.
        told("charge.succeeded", "succeeded", "py_5", 5, amount=1000, captured=1000, payment="pi_5"),
        told("payment.succeeded", "succeeded", "pi_5", 5, amount=1000, captured=1000, charge="py_5", tip_cents=10),
        told("charge.failed", "failed", "py_5", 90, amount=1000, payment="pi_5"),
    ],
    [
        ["pi_1", "failed", 1000, 0, 0, 0, 0, 1, 2],
        ["pi_2", "succeeded", 1000, 1000, 0, 0, 1000, 1, 3],
        ["pi_3", "succeeded", 1000, 1000, 0, 0, 1000, 1, 2],
        ["pi_4", "succeeded", 1000, 1000, 0, 0, 1000, 1, 2],
        ["pi_5", "failed", 1000, 0, 0, 0, 0, 1, 3],
    ],
    [
        [DAY, "USD", "failed", 2, Decimal(20), Decimal(0), Decimal(0), Decimal(0), Decimal("0.6")],
        [DAY, "USD", "succeeded", 3, Decimal(30), Decimal(30), Decimal(0), Decimal(30), Decimal("0.6")],
    ],
)
case(
    "a_bank_payment_that_fails_after_it_was_completed",
    [
        told("payment.succeeded", "succeeded", "sq_1", 9, object_updated_at=NOON, captured=2100, **SQUARE),
        told("payment.failed", "failed", "sq_1", 5, object_updated_at=NOON + timedelta(days=3), **SQUARE),
    ],
    [["sq_1", "failed", 2100, 0, 0, 0, 0, 1, 2]],
    [[DAY, "USD", "failed", 1, Decimal(21), Decimal(0), Decimal(0), Decimal(0), Decimal(0)]],
)
case(
    "refunds_and_disputes_whose_payment_was_never_told",
    [
        told("refund.succeeded", "succeeded", "re_1", 0, amount=300, payment="pi_1", charge="ch_1"),
        # It names the attempt alone; the refund says which payment that is of.
        told("dispute.closed", "lost", "dp_1", 3, amount=500, taken=500, fee=15, charge="ch_1"),
        told("refund.failed", "failed", "re_2", 4, amount=77, payment="pi_1"),
        # It names nothing at all.
        told("refund.succeeded", "succeeded", "re_3", 5, amount=200),
    ],
    [["pi_1", "unknown", 0, 0, 300, 15, -815, 0, 3], ["re_3", "unknown", 0, 0, 200, 0, -200, 0, 1]],
    [[DAY, "USD", "unknown", 0, Decimal(0), Decimal(0), Decimal(5), Decimal("-10.15"), None]],
)
case(
    "a_payment_counts_on_the_day_on_which_it_was_made",
    [
        told(
            "charge.refunded",
            "partially_refunded",
            "ch_1",
            0,
            amount=1000,
            captured=1000,
            refunded=400,
            object_created_at=NOON - timedelta(days=40),
        ),
    ],
    [["ch_1", "partially_refunded", 1000, 1000, 400, 0, 600, 1, 1]],
    [[date(2025, 1, 20), "USD", "partially_refunded", 1, Decimal(10), Decimal(10), Decimal(4), Decimal(6), Decimal(1)]],
)
case(
    "two_captures_of_one_authorization",
    [
        told("payment.authorized", "authorized", "psp_1", 0, provider="adyen", amount=1000, authorized=1000),
        told("charge.captured", "succeeded", "psp_2", 5, provider="adyen", amount=700, captured=700, payment="psp_1"),
        told("charge.captured", "succeeded", "psp_3", 6, provider="adyen", amount=200, captured=200, payment="psp_1"),
        told("charge.captured", "succeeded", "psp_4", 7, provider="adyen", amount=100, captured=100, payment="psp_1"),
        told("charge.failed", "failed", "psp_4", 99, provider="adyen", amount=100, payment="psp_1"),
    ],
    [["psp_1", "succeeded", 1000, 900, 0, 0, 900, 3, 5]],
    [[DAY, "USD", "succeeded", 1, Decimal(9), Decimal(9), Decimal(0), Decimal(9), Decimal(1)]],
)
