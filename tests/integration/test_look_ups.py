"""What the orchestrator asks the real Postgres of payments that it has stored, for rules and for the fraud model."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from orchestrator import scoring
from orchestrator.database import PostgresStore
from orchestrator.inquiries import CUSTOMER, SUBJECT, Customer, Inquiry
from orchestrator.look_ups import LookUps
from orchestrator.rules import RuleBook, verdicts
from payments_contracts.database import PAYMENT_EVENTS
from payments_contracts.pins.orchestrator import PaymentEvent, ScoredPayment

from tests.integration.contract_lives import PAYMENTS, rows_of_life
from tests.integration.operational import NOON, address, database, dsn, payment, store

__all__ = ["address", "database", "dsn", "store"]

pytestmark = pytest.mark.integration

Database = psycopg.Connection[dict[str, Any]]


def as_event(row: ScoredPayment) -> PaymentEvent:
    return PaymentEvent.model_validate(row.model_dump(include=set(PaymentEvent.model_fields)))


def told(kind: str, status: str, object_id: str, minute: int, amount: int = 1_000, **changes: object) -> ScoredPayment:
    """A row of an object of a customer without failures, told some minutes after noon."""
    at = NOON + timedelta(minutes=minute)
    plain = {
        "failure_code": None,
        "failure_category": "unknown" if status == "failed" else None,
        "provider_created_at": at,
        "processed_at": at,
        "customer_id": None,
    }
    own = {"event_type": kind, "status": status, "provider_object_id": object_id, "amount_cents": amount}
    return payment(**plain | own | changes)


async def test_a_refund_is_held_against_what_its_payment_received_and_gave_back_before(store: PostgresStore) -> None:
    of_payment: dict[str, Any] = {"related_payment_id": "pi_1"}
    rows = [
        told("payment.processing", "processing", "pi_1", 0, 9_000),
        told("payment.succeeded", "succeeded", "pi_1", 1, 1_000),
        told("refund.succeeded", "succeeded", "re_1", 2, 400, **of_payment),
        # Told once more, which takes nothing more; the second has failed in the end.
        told("refund.updated", "succeeded", "re_1", 3, 400, **of_payment),
        told("refund.created", "pending", "re_2", 3, 600, **of_payment),
        told("refund.failed", "failed", "re_2", 4, 600, **of_payment),
        told("refund.created", "pending", "re_3", 5, 600, **of_payment),
        told("refund.created", "pending", "re_4", 6, 1, **of_payment),
        told("refund.created", "pending", "re_5", 7, 1, related_payment_id="pi_none"),
        told("refund.created", "pending", "re_6", 8, 1, **of_payment, currency="EUR"),
        told("dispute.opened", "needs_response", "dp_1", 9, related_payment_id=None, related_charge_id="pi_1"),
    ]
    for row in rows:
        await store.put(row)
    look_ups = LookUps(store)
    asked = [as_event(row) for row in rows if row.event_type.startswith(("refund.", "dispute."))]
    found = [verdicts(each, RuleBook(), await look_ups.about(each)) for each in asked]
    assert {
        each.provider_object_id: (said.broken, said.undecided) for each, said in zip(asked, found, strict=True)
    } == {
        "re_1": ([], []),
        "re_2": ([], []),
        "re_3": ([], []),
        "re_4": (["refund_above_charge"], []),
        "re_5": ([], ["refund_above_charge"]),
        "re_6": ([], ["refund_above_charge"]),
        "dp_1": ([], []),
    }


async def test_a_dispute_of_no_payment_is_told_only_where_the_merchants_events_go_back_far_enough(
    store: PostgresStore,
) -> None:
    day = 24 * 60
    await store.put(told("payment.succeeded", "succeeded", "pi_1", -541 * day, merchant_id="old"))
    await store.put(told("payment.succeeded", "succeeded", "pi_1", -539 * day, merchant_id="new"))
    look_ups = LookUps(store)
    said = {}
    for merchant in ("old", "new"):
        dispute = as_event(told("dispute.opened", "lost", "dp", 0, merchant_id=merchant, related_payment_id="pi_9"))
        found = verdicts(dispute, RuleBook(), await look_ups.about(dispute))
        said[merchant] = found.broken, found.undecided
    rule = ["dispute_of_unknown_payment"]
    assert said == {"old": (rule, []), "new": ([], rule)}


async def test_no_life_of_a_payment_that_a_contract_tells_breaks_a_rule_of_refunds_and_disputes(
    store: PostgresStore,
) -> None:
    look_ups = LookUps(store)
    decided = 0
    for name, life in PAYMENTS.items():
        for row in map(ScoredPayment.model_validate, rows_of_life(life, name)):
            await store.put(row)
            event = as_event(row)
            found = verdicts(event, RuleBook(), await look_ups.about(event))
            about_payment = {"refund_above_charge", "dispute_of_unknown_payment"}
            assert not about_payment & set(found.broken), (name, event.event_type)
            if event.event_type.startswith(("refund.", "dispute.")):
                decided += not about_payment & set(found.undecided or ())
    assert decided > 0


async def test_the_fraud_model_is_told_of_the_customers_payments_before_the_event(store: PostgresStore) -> None:
    of_customer: dict[str, Any] = {"customer_id": "cus_1"}
    rows = [
        told("payment.succeeded", "succeeded", "pi_1", -3_000, **of_customer, related_charge_id="ch_1"),
        told("dispute.opened", "needs_response", "dp_1", -2_000, related_payment_id="ch_1"),
        told("payment.failed", "failed", "pi_2", -120, **of_customer),
        told("charge.failed", "failed", "ch_2", -120, **of_customer, related_payment_id="pi_2"),
        told("payment.failed", "failed", "pi_3", -50, **of_customer),
        told("payment.succeeded", "succeeded", "pi_3", -40, **of_customer),
        told("payment.created", "pending", "pi_4", -1, **of_customer),
        told("payment.succeeded", "succeeded", "pi_5", -1, customer_id="cus_2"),
        told("payment.succeeded", "succeeded", "pi_6", -1, **of_customer, merchant_id="another"),
        told("payment.succeeded", "succeeded", "pi_7", 1, **of_customer),
    ]
    for row in rows:
        await store.put(row)
    look_ups = LookUps(store)

    async def known(minute: int, **changes: object) -> Customer | None:
        row = told("payment.succeeded", "succeeded", "pi_4", minute, **of_customer | changes)
        return await look_ups.customer(scoring.fraud_request(as_event(row)))

    assert await known(0) == Customer(("recent_failures", "previous_dispute"), 1, 2)
    assert await known(-100) == Customer(("previous_dispute",), 1, 1)
    assert await known(-130) == Customer(("previous_dispute",), 0, 0)
    # What is known of the payment itself makes nobody an old customer.
    assert await known(-2_900) == Customer((), 0, 0)
    assert await known(-3_500) == Customer(("new_customer",), 0, 0)
    assert await known(0, customer_id="cus_none") == Customer(("new_customer",), 0, 0)


async def test_a_failure_that_is_told_again_is_one_attempt(store: PostgresStore) -> None:
    of_customer: dict[str, Any] = {"customer_id": "cus_1"}
    failed = ("payment.failed", "failed")
    rows = [
        told(*failed, "sq_1", -30, **of_customer, object_version=2),
        told(*failed, "sq_1", -20, **of_customer, object_version=3),
        told(*failed, "sq_2", -10, **of_customer, object_version=2),
        # Of a payment that is tried again itself each failure is one.
        told(*failed, "pi_1", -9, **of_customer),
        told(*failed, "pi_1", -8, **of_customer),
    ]
    for row in rows:
        await store.put(row)
    look_ups = LookUps(store)

    async def attempts_before(name: str, **changes: object) -> int | None:
        row = told(*failed, name, 0, **of_customer | changes)
        return getattr(await look_ups.customer(scoring.fraud_request(as_event(row))), "previous_attempts", None)

    assert await attempts_before("sq_3", object_version=2) == 4
    assert await attempts_before("sq_2", object_version=3) == 3
    assert await attempts_before("pi_1") == 4


@pytest.mark.parametrize(
    ("inquiry", "question", "indexes"),
    [
        (
            CUSTOMER,
            ("merch_1", "cus_7", "pi_0", "2025-03-02T12:00:00+00:00", "e"),
            {"payment_events_by_customer", "payment_events_by_payment"},
        ),
        (
            SUBJECT,
            ("stripe", "pi_7", "ch_7", "re_7", "merch_1", "USD", "2025-03-02T12:00:00+00:00", "e"),
            {"payment_events_by_object", "payment_events_by_payment", "payment_events_by_merchant"},
        ),
    ],
)
async def test_a_look_up_goes_by_indexes_whatever_the_table_holds(
    store: PostgresStore,
    database: Database,
    inquiry: Inquiry[Any],
    question: tuple[str, ...],
    indexes: set[str],
) -> None:
    await store.put(payment(event_id="e1"))
    copied = [each.name for each in PAYMENT_EVENTS.columns if each.name != "event_id"]
    made = {"provider_object_id": "'pi_' || n", "customer_id": "'cus_' || n", "related_payment_id": "'pi_' || (n - 1)"}
    database.execute(
        f"INSERT INTO payment_events (event_id, {', '.join(copied)}) SELECT 'e' || n, "  # noqa: S608  # ours
        f"{', '.join(made.get(name, name) for name in copied)} FROM payment_events, generate_series(2, 20000) AS n"
    )
    database.execute("ANALYZE payment_events")
    rows = await store.rows(f"EXPLAIN {inquiry.statement}", inquiry.parameters([question]))
    text = "\n".join(str(line) for (line,) in rows)
    assert "Seq Scan on payment_events" not in text, text
    assert {each for each in indexes if each in text} == indexes, text
    assert len(inquiry.answers(await store.rows(inquiry.statement, inquiry.parameters([question] * 3)), 3)) == 3
