"""The state of payments from their events, by dbt on the real Trino: `silver.payments` and the metrics over it."""

import random
import uuid
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyiceberg.table import Table

from tests.integration.analytics import NOON, Dbt, Query, append, payment
from tests.integration.lifecycles import lives, named

pytestmark = pytest.mark.integration

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


def payments_of(query: Query, merchant: str, *columns: str) -> list[list[Any]]:
    listed = ", ".join(("payment_id", *columns))
    rows = query(
        f"select {listed} from {{silver}}.payments where merchant_id = '{merchant}' order by 1"  # noqa: S608  # the values are ours
    )
    # What is called after an event has no object's id.
    return [[row[0].split("|")[0] if "|" in row[0] else "event", *row[1:]] for row in rows]


def metrics_of(query: Query, merchant: str, table: str = "daily_payment_metrics") -> list[list[Any]]:
    return query(
        "select event_date, currency, status, payment_count, amount_major, captured_major, refunded_major,"  # noqa: S608  # the values are ours
        f" net_major, success_rate from {{gold}}.{table} where merchant_id = '{merchant}' order by 1, 2, 3"
    )


SUMS = (
    "status",
    "asked_minor",
    "captured_minor",
    "refunded_minor",
    "fee_minor",
    "net_minor",
    "attempts",
    "event_count",
)
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
    [["pi_1", "failed", 1000, 0, 0, 0, 0, 1, 1]],
    [[DAY, "USD", "failed", 1, Decimal(10), Decimal(0), Decimal(0), Decimal(0), Decimal(0)]],
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


@pytest.fixture(scope="module")
def built(dbt: Dbt, bronze: Table) -> dict[str, str]:
    """Build all layers from the events of all cases, and return the merchant of each."""
    merchants = {name: f"merch_{uuid.uuid4().hex}" for name in CASES}
    append(bronze, [event(merchants[name], **each) for name, (events, _, _) in CASES.items() for each in events])
    dbt("build", "--exclude-resource-type", "unit_test")
    return merchants


@pytest.mark.parametrize("name", CASES)
def test_a_payment_is_in_silver_once_with_its_state(built: dict[str, str], query: Query, name: str) -> None:
    assert sorted(payments_of(query, built[name], *SUMS)) == sorted(CASES[name][1])


@pytest.mark.parametrize("name", CASES)
def test_gold_counts_payments_and_not_events(built: dict[str, str], query: Query, name: str) -> None:
    assert metrics_of(query, built[name]) == CASES[name][2]


def test_test_data_is_shown_apart(built: dict[str, str], query: Query) -> None:
    rows = metrics_of(query, built["one_live_and_one_test_payment"], "test_payment_metrics")
    assert [row[3:5] for row in rows] == [[1, Decimal("777.77")]]


def test_history_keeps_each_version_with_both_times(built: dict[str, str], query: Query) -> None:
    merchant = built["seven_of_ten_captured"]
    rows = query(
        "select split_part(object_id, '|', 1), split_part(payment_id, '|', 1), status, amount_minor,"  # noqa: S608  # the values are ours
        " provider_created_at, processed_at"
        f" from {{silver}}.payment_history where merchant_id = '{merchant}' order by provider_created_at"
    )
    assert rows == [
        ["pi_1", "pi_1", "authorized", 1000, NOON, NOON + timedelta(seconds=1)],
        ["pi_1", "pi_1", "succeeded", 700, NOON + timedelta(seconds=1), NOON + timedelta(seconds=1)],
    ]


SEED = 20260105


def states(query: Query, copy: str) -> list[str]:
    """Return all rows of a copy, without what its name and its repetitions change."""
    columns = [row[0] for row in query("describe {silver}.payments") if row[0] != "bronze_rows"]
    rows = query(f"select {', '.join(columns)} from {{silver}}.payments where merchant_id = '{copy}'")  # noqa: S608  # the values are ours
    return sorted(repr(dict(zip(columns, row, strict=True))).replace(copy, "") for row in rows)


@pytest.mark.timeout(1500)
def test_any_order_and_repetition_of_events_makes_the_same_payments(dbt: Dbt, query: Query, bronze: Table) -> None:
    told_lives = lives(SEED, 120)
    chance = random.Random(SEED)  # noqa: S311 - test data
    copies = [f"copy_{uuid.uuid4().hex}" for _ in range(4)]
    waiting: list[list[dict[str, Any]]] = []
    for index, copy in enumerate(copies):
        events = named([each for life in told_lives for each in life.events], copy)
        if index == 1:
            events.reverse()
        elif index > 1:
            chance.shuffle(events)
            events += chance.choices(events, k=len(events) // 3)
            chance.shuffle(events)
        waiting.append([payment(copy, **each) for each in events])
    # In three builds, so that each is merged into what the ones before have left.
    for build in range(3):
        append(
            bronze,
            [each for events in waiting for each in events[build * len(events) // 3 : (build + 1) * len(events) // 3]],
        )
        dbt("run", "--select", "+payments")
    forwards, *others = [states(query, copy) for copy in copies]
    assert [other == forwards for other in others] == [True, True, True], f"seed {SEED}"

    known = query(
        "select payment_id, captured_minor, refunded_minor"  # noqa: S608  # the values are ours
        f" from {{silver}}.payments where merchant_id = '{copies[0]}'"
    )
    expected = {f"{copies[0]}|{life.payment_id}": [life.captured, life.refunded] for life in told_lives if life.events}
    assert {row[0]: row[1:] for row in known} == expected, f"seed {SEED}"

    dbt("run", "--select", "+payments", "--full-refresh")
    assert [states(query, copy) == forwards for copy in copies] == [True] * 4, f"seed {SEED}"
