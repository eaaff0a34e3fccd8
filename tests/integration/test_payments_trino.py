"""The state of payments from their events, by dbt on the real Trino: `silver.payments` and the metrics over it."""

import random
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyiceberg.table import Table

from tests.integration.analytics import NOON, Dbt, Query, append, own_namespace, payment
from tests.integration.contract_lives import MEASURES, PAYMENTS, rows_of_life
from tests.integration.lifecycles import lives, named, unpaid
from tests.integration.loss_cases import CASES
from tests.integration.payment_cases import event

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def bronze_namespace() -> str:
    """A Bronze of this module's own: builds look at no rows of others."""
    return own_namespace()


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


@pytest.fixture(scope="module")
def built(dbt: Dbt, bronze: Table) -> dict[str, str]:
    """Build all layers from the events of all cases and of all lives, and return the merchant of each."""
    merchants = {name: f"merch_{uuid.uuid4().hex}" for name in (*CASES, *PAYMENTS)}
    append(bronze, [event(merchants[name], **each) for name, (events, _, _) in CASES.items() for each in events])
    append(bronze, [row for name, life in PAYMENTS.items() for row in rows_of_life(life, merchants[name])])
    dbt("build", "--exclude-resource-type", "unit_test", "--select", "+daily_payment_metrics", "+test_payment_metrics")
    return merchants


@pytest.mark.parametrize("name", CASES)
def test_a_payment_is_in_silver_once_with_its_state(built: dict[str, str], query: Query, name: str) -> None:
    assert sorted(payments_of(query, built[name], *SUMS)) == sorted(CASES[name][1])


@pytest.mark.parametrize("name", CASES)
def test_gold_counts_payments_and_not_events(built: dict[str, str], query: Query, name: str) -> None:
    assert metrics_of(query, built[name]) == CASES[name][2]


@pytest.mark.parametrize("name", PAYMENTS)
def test_a_life_comes_to_what_its_contract_says(built: dict[str, str], query: Query, name: str) -> None:
    life = PAYMENTS[name]
    last = life.steps[-1].payment
    assert last is not None
    found = payments_of(query, built[name], "currency", "livemode", "status", *MEASURES)
    told = [life.currency, life.livemode, last["status"], *(last[measure] for measure in MEASURES)]
    assert [row[1:] for row in found if row[0] == life.payment_id] == [told]


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
    told_lives = lives(SEED, 120) + unpaid(SEED, 20)
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
        "select payment_id, captured_minor, refunded_minor, dispute_lost_minor"  # noqa: S608  # the values are ours
        f" from {{silver}}.payments where merchant_id = '{copies[0]}'"
    )
    expected = {
        f"{copies[0]}|{life.payment_id}": [life.captured, life.refunded, life.lost]
        for life in told_lives
        if life.events
    }
    assert {row[0]: row[1:] for row in known} == expected, f"seed {SEED}"

    dbt("run", "--select", "+payments", "--full-refresh")
    assert [states(query, copy) == forwards for copy in copies] == [True] * 4, f"seed {SEED}"

    # What Gold has given back is what the refunds are, whether their payment was told or not.
    dbt("run", "--select", "daily_payment_metrics")
    objects = {}
    for life in told_lives:
        for each in sorted(life.events, key=lambda event: event["provider_created_at"]):
            if each["event_type"].startswith("refund."):
                objects[each["provider_object_id"]] = each["amount_cents"] * (each["status"] == "succeeded")
    for copy in copies:
        (sums,) = query(
            f"select sum(refunded_minor) from {{gold}}.daily_payment_metrics where merchant_id = '{copy}'"  # noqa: S608  # the values are ours
        )
        assert sums == [sum(objects.values())], f"seed {SEED}"
