"""Entries of a ledger, for tests."""

from datetime import UTC, datetime

from operations.ledger import Entry
from payments_contracts.pins.operations import ExpectedPayment

SENT_AT = datetime(2026, 1, 1, tzinfo=UTC)


def payment(
    *, currency: str = "USD", captured: int = 5000, refunded: int = 0, livemode: bool = True
) -> ExpectedPayment:
    """Return what has to be known of pi_1."""
    return ExpectedPayment(
        payment_id="pi_1",
        currency=currency,
        livemode=livemode,
        status="partially_refunded" if refunded else "succeeded",
        asked_minor=5000,
        captured_minor=captured,
        refunded_minor=refunded,
        disputed_minor=0,
        dispute_lost_minor=0,
        reversed_minor=0,
        fee_minor=30,
        net_minor=captured - refunded - 30,
    )


def step(event_id: str, number: int, by_then: ExpectedPayment, amount: int = 5000) -> Entry:
    """Return an accepted event in the life of pi_1."""
    return Entry(
        run="r1",
        n=number,
        provider="stripe",
        event_id=event_id,
        kind="accepted",
        merchant_id="acct_r1_l00",
        example="life",
        http_status=200,
        sent_at=SENT_AT,
        expected_event_type="payment.succeeded",
        expected_status="succeeded",
        expected_amount_cents=amount,
        expected_currency=by_then.currency,
        expected_livemode=by_then.livemode,
        step=number,
        payment=by_then,
    )
