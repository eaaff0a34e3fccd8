"""Events whose recovery, disputes, payouts and features are known, and what is agreed and was done beside them."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from payments_contracts.records import MerchantV1, QuarantinedEventV1, RecoveryActionV1
from payments_contracts.tables import BRONZE_MERCHANT_TERMS, BRONZE_QUARANTINE, BRONZE_RECOVERY_ACTIONS
from pydantic import BaseModel

from tests.integration.analytics import NOON

DAY = 86_400
ADVICE = {"should_retry": True, "delay_seconds": DAY, "max_attempts": 4}
NO_ADVICE = {"should_retry": False, "delay_seconds": 0, "max_attempts": 1}


def failure(object_id: str, second: int, category: str = "insufficient_funds", **fields: Any) -> dict[str, Any]:
    """The arguments of a payment's failure, after which another attempt in a day is advised."""
    told = {"retry_strategy": ADVICE, "retry_strategy_source": "model", "retry_action": "retry"} | fields
    state = {"event_type": "payment.failed", "status": "failed", "failure_category": category, "amount_cents": 1000}
    return {"object_id": object_id, "second": second, **state, **told}


def receipt(object_id: str, second: int, amount: int = 1000, **fields: Any) -> dict[str, Any]:
    state = {"event_type": "payment.succeeded", "status": "succeeded", "amount_cents": amount, "captured_cents": amount}
    return {"object_id": object_id, "second": second, **state, **fields}


def dispute(object_id: str, second: int, status: str, **fields: Any) -> dict[str, Any]:
    state = {"event_type": "dispute.opened", "status": status, "amount_cents": 1000, "related_payment_id": "pi_1"}
    return {"object_id": object_id, "second": second, **state, **fields}


def payout(object_id: str, second: int, amount: int, status: str = "succeeded") -> dict[str, Any]:
    state = {"event_type": "payout.paid", "status": status, "amount_cents": amount}
    return {"object_id": object_id, "second": second, **state}


# Ids of invoices and orders are unique at a provider, as those of all objects are.
INVOICE, ORDER = f"in_{uuid.uuid4().hex}", f"order_{uuid.uuid4().hex}"

EVENTS: dict[str, list[dict[str, Any]]] = {
    # Tried too early and again in vain, then as advised; the fee that is told later changes nothing.
    "recovered_at_the_third_attempt": [
        failure("pi_1", 0),
        failure("pi_1", 3600),
        receipt("pi_1", 3600 + 2 * DAY),
        receipt("pi_1", 3600 + 3 * DAY, fee_cents=30),
    ],
    "never_tried_again": [
        failure("pi_1", 0, "lost_or_stolen", retry_strategy=NO_ADVICE, retry_action="new_method"),
    ],
    "failed_lately": [failure("pi_1", 80 * DAY)],
    # The charge of a debit fails after it had succeeded: what the first failure was followed by came back.
    "came_back": [
        failure("pi_1", 0),
        receipt("pi_1", DAY, related_charge_id="ch_1"),
        {
            "event_type": "charge.failed",
            "status": "failed",
            "object_id": "ch_1",
            "second": 5 * DAY,
            "amount_cents": 1000,
            "related_payment_id": "pi_1",
        },
    ],
    # An invoice whose second attempt is another payment.
    "an_invoice_paid_by_another_payment": [
        failure("pi_1", 0, related_invoice_id=INVOICE),
        receipt("pi_2", DAY, 900, related_invoice_id=INVOICE),
    ],
    # At most providers each attempt is a payment of its own, and their order tells what they are attempts at.
    "an_order_paid_by_another_payment": [
        failure("sq_1", 0, provider="square", metadata={"order_id": ORDER}),
        receipt("sq_2", DAY, provider="square", metadata={"order_id": ORDER}),
    ],
    "two_currencies": [
        failure("pi_1", 0),
        failure("pi_2", 0, currency="JPY", currency_exponent=0, amount_cents=500),
        receipt("pi_2", DAY, 500, currency="JPY", currency_exponent=0),
    ],
    "disputed": [
        receipt("pi_1", 0),
        dispute(
            "dp_1", 10 * DAY, "needs_response", dispute_stage="inquiry", withdrawn_cents=0, dispute_category="fraud"
        ),
        dispute("dp_1", 12 * DAY, "needs_response", dispute_stage="chargeback", withdrawn_cents=1000, fee_cents=1500),
        dispute("dp_1", 40 * DAY, "won", dispute_stage="chargeback", withdrawn_cents=0, dispute_category="fraud"),
    ],
    "paid_out": [
        receipt("pi_1", 0),
        receipt("pi_2", DAY, 500),
        payout("po_1", 2 * DAY, 1400),
        payout("po_2", 3 * DAY, 500),
        payout("po_3", 4 * DAY, 50, "failed"),
    ],
    "never_paid_out": [receipt("pi_1", 0)],
    "paid_out_in_part": [receipt("pi_1", 0), payout("po_1", 2 * DAY, 400)],
    # Its refund is weeks later than its payout, which paid no more than was earned then.
    "paid_out_and_given_back": [
        receipt("pi_1", 0),
        payout("po_1", 2 * DAY, 1000),
        {
            "event_type": "refund.succeeded",
            "status": "succeeded",
            "object_id": "re_1",
            "second": 20 * DAY,
            "amount_cents": 300,
            "related_payment_id": "pi_1",
        },
    ],
    "paid_out_of_nothing": [payout("po_1", 0, 100)],
    "judged": [
        receipt("pi_1", 0, rule_violations=["amount_above_merchant_limit"], rules_undecided=[]),
        receipt("pi_2", 60, rules_undecided=["amount_above_merchant_limit", "merchant_not_active"]),
        receipt("pi_3", 120, livemode=False, rules_undecided=["merchant_not_active"]),
    ],
    # What is the newest event of all says by when an attempt is too old to be tried again.
    "a_customer": [
        failure("pi_1", 0, customer_id="cus_1", card_brand="visa"),
        receipt("pi_1", 1800, customer_id="cus_1", card_brand="visa"),
        dispute("dp_1", DAY, "needs_response", dispute_stage="chargeback"),
        receipt("pi_2", 2 * DAY, 3000, customer_id="cus_1", card_brand="amex"),
        receipt("pi_3", 2 * DAY + 60, 500, customer_id="cus_1", currency="EUR"),
    ],
    # One or two a day, for what is unusual to be seen; long after all other data.
    "every_day": [
        receipt(f"pi_{day}_{number}", (1900 + day) * DAY, 100) for day in range(40) for number in range(1 + day % 2)
    ],
    "clock": [receipt("pi_1", 90 * DAY, processed_at=NOON + timedelta(days=90))],
}


def reference_rows(merchants: Mapping[str, str]) -> dict[str, Sequence[BaseModel]]:
    """What is agreed with the customer's merchant from a day on, and dead letters with what was done about them."""
    merchant, event_ids = merchants["a_customer"], [f"{merchants['clock']}|{number}" for number in range(4)]
    agreed: list[dict[str, Any]] = [
        {"version": 1, "status": "active", "allowed_currencies": ["USD"], "payment_limits": {"USD": 2000}},
        {"version": 2, "status": "suspended", "allowed_currencies": [], "payment_limits": {}},
    ]
    letter = {
        "source": "validation",
        "provider": "stripe",
        "provider_event_id": "evt_1",
        "provider_event_type": "charge.failed",
        "merchant_id": merchants["clock"],
        "reasons": ["words"],
        "headers": {},
        "payload": b"{}",
        "received_at": NOON,
        "failed_at": NOON,
        "schema_version": 1,
        "kafka_topic": "payments.validation.dlq",
        "kafka_partition": 0,
        "kafka_timestamp": NOON,
    }
    reasons = [["value_unknown", "timestamp_invalid"], ["value_unknown"], ["internal_error", "value_unknown"], []]
    action = {
        "run_id": "run",
        "acted_at": NOON + timedelta(hours=1),
        "actor": "anna",
        "filter": "{}",
        "provider": "stripe",
        "schema_version": 1,
    }
    outcomes = {0: ("close", "closed"), 1: ("redrive", "sent"), 2: ("redrive", "still_fails")}
    return {
        BRONZE_MERCHANT_TERMS.identifier: [
            MerchantV1.model_validate(
                {
                    "merchant_id": merchant,
                    "changed_at": NOON + timedelta(days=each["version"]),
                    "changed_by": "anna",
                    "schema_version": 1,
                    **each,
                }
            )
            for each in agreed
        ],
        BRONZE_QUARANTINE.identifier: [
            QuarantinedEventV1.model_validate(
                letter | {"event_id": event_ids[number], "reason_codes": codes, "kafka_offset": uuid.uuid4().int >> 68}
            )
            for number, codes in enumerate(reasons)
        ],
        BRONZE_RECOVERY_ACTIONS.identifier: [
            RecoveryActionV1.model_validate(
                action
                | {
                    "action_id": str(uuid.uuid4()),
                    "event_id": event_ids[number],
                    "command": command,
                    "outcome": outcome,
                }
            )
            for number, (command, outcome) in outcomes.items()
        ],
    }


def arrow_row(record: BaseModel) -> dict[str, Any]:
    """Return a record as a row of Arrow, where a map is a list of pairs."""
    return {
        name: list(value.items()) if isinstance(value, dict) else value for name, value in record.model_dump().items()
    }
