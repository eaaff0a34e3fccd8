"""The state of payments from their events, by dbt on the real Trino: `silver.payments` and the metrics over it."""

import random
import uuid
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyiceberg.table import Table

from tests.chance import AGAIN, SEED
from tests.integration.analytics import NOON, Dbt, Query, append, own_namespace, payment
from tests.integration.contract_lives import MEASURES, PAYMENTS, rows_of_life
from tests.integration.lifecycles import lives, named, unpaid
from tests.integration.loss_cases import CASES
from tests.integration.payment_cases import event

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900), pytest.mark.trino]


@pytest.fixture(scope="module")
def bronze_namespace() -> str:
    """A Bronze of this module's own: builds look at no rows of others."""
    return own_namespace()


Tables = Mapping[str, Mapping[str, list[dict[str, Any]]]]
"""Rows by merchant, by table."""

METRICS = (
    "event_date",
    "currency",
    "status",
    "payment_count",
    "amount_major",
    "captured_major",
    "refunded_major",
    "net_major",
    "success_rate",
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


# By its place: the project has the same name, which alone selects all of it.
PAYMENTS_MODEL = "+payments.silver.payments"
BUILDS = 3


class Copies:
    """The same events, once for each of some merchants: they arrive in several builds and in another order for each."""

    def __init__(self, prefix: str, told: list[dict[str, Any]]) -> None:
        chance = random.Random(f"{SEED} {prefix}")  # noqa: S311 - test data
        self.merchants = [f"{prefix}_{uuid.uuid4().hex}" for _ in range(4)]
        self._events: list[list[dict[str, Any]]] = []
        for index, copy in enumerate(self.merchants):
            events = named(told, copy)
            if index == 1:
                events.reverse()
            elif index > 1:
                chance.shuffle(events)
                events += chance.choices(events, k=len(events) // 3)
                chance.shuffle(events)
            self._events.append([payment(copy, **each) for each in events])

    def rows(self, build: int) -> list[dict[str, Any]]:
        """Return what has arrived before a build, but not before the one before it."""
        parts = [
            (events, len(events) * build // BUILDS, len(events) * (build + 1) // BUILDS) for events in self._events
        ]
        return [each for events, first, end in parts for each in events[first:end]]


class Generated(Copies):
    """Copies of lives of which it is known what they come to."""

    def __init__(self) -> None:
        self.lives = lives(SEED, 120) + unpaid(SEED, 20)
        super().__init__("copy", [each for life in self.lives for each in life.events])


@pytest.fixture(scope="module")
def copies() -> Generated:
    return Generated()


@pytest.fixture(scope="module")
def contracts() -> Copies:
    """The lives that every provider's contract tells: many have the same payment, which is another one in each."""
    return Copies("told", [row for name, life in PAYMENTS.items() for row in rows_of_life(life, name)])


@pytest.fixture(scope="module")
def built(dbt: Dbt, bronze: Table, copies: Copies, contracts: Copies) -> dict[str, str]:
    """Build all layers from the events of all cases and of all lives, and return the merchant of each."""
    merchants = {name: f"merch_{uuid.uuid4().hex}" for name in (*CASES, *PAYMENTS)}
    rows = [event(merchants[name], **each) for name, (events, _, _) in CASES.items() for each in events]
    rows += [row for name, life in PAYMENTS.items() for row in rows_of_life(life, merchants[name])]
    append(bronze, rows + copies.rows(0) + contracts.rows(0))
    dbt("run", "--select", "+daily_payment_metrics", "+test_payment_metrics")
    return merchants


@pytest.fixture(scope="module")
def tables(built: dict[str, str], query: Query) -> Tables:
    """All rows of the tables that cases are looked up in, read once."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for table in ("{silver}.payments", "{gold}.daily_payment_metrics", "{gold}.test_payment_metrics"):
        columns = [row[0] for row in query(f"describe {table}")]
        listed = ", ".join(f"'{merchant}'" for merchant in built.values())
        found[table] = {}
        for values in query(f"select {', '.join(columns)} from {table} where merchant_id in ({listed})"):  # noqa: S608  # the values are ours
            row = dict(zip(columns, values, strict=True))
            found[table].setdefault(row["merchant_id"], []).append(row)
    return found


def payments_of(tables: Tables, merchant: str, *columns: str) -> list[list[Any]]:
    rows = tables["{silver}.payments"][merchant]
    # What is called after an event has no object's id.
    names = [row["payment_id"].split("|")[0] if "|" in row["payment_id"] else "event" for row in rows]
    return [[name, *(row[column] for column in columns)] for name, row in zip(names, rows, strict=True)]


def metrics_of(tables: Tables, merchant: str, table: str = "daily_payment_metrics") -> list[list[Any]]:
    return sorted([row[column] for column in METRICS] for row in tables[f"{{gold}}.{table}"].get(merchant, []))


@pytest.mark.parametrize("name", CASES)
def test_a_payment_is_in_silver_once_with_its_state(built: dict[str, str], tables: Tables, name: str) -> None:
    assert sorted(payments_of(tables, built[name], *SUMS)) == sorted(CASES[name][1])


@pytest.mark.parametrize("name", CASES)
def test_gold_counts_payments_and_not_events(built: dict[str, str], tables: Tables, name: str) -> None:
    assert metrics_of(tables, built[name]) == CASES[name][2]


@pytest.mark.parametrize("name", PAYMENTS)
def test_a_life_comes_to_what_its_contract_says(built: dict[str, str], tables: Tables, name: str) -> None:
    life = PAYMENTS[name]
    last = life.steps[-1].payment
    assert last is not None
    found = payments_of(tables, built[name], "currency", "livemode", "status", *MEASURES)
    told = [life.currency, life.livemode, last["status"], *(last[measure] for measure in MEASURES)]
    assert [row[1:] for row in found if row[0] == life.payment_id] == [told]


def test_test_data_is_shown_apart(built: dict[str, str], tables: Tables) -> None:
    rows = metrics_of(tables, built["one_live_and_one_test_payment"], "test_payment_metrics")
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


def states(query: Query, copy: str) -> list[str]:
    """Return all rows of a copy, without what its name and its repetitions change."""
    changed = {"bronze_rows", "part_keys"}
    columns = [row[0] for row in query("describe {silver}.payments") if row[0] not in changed]
    rows = query(f"select {', '.join(columns)} from {{silver}}.payments where merchant_id = '{copy}'")  # noqa: S608  # the values are ours
    return sorted(repr(dict(zip(columns, row, strict=True))).replace(copy, "") for row in rows)


def told_states(query: Query, copy: str) -> dict[str, list[Any]]:
    """Return what the lives of the contracts have come to, by the payment's id and the life that it is of."""
    rows = query(
        f"select payment_id, currency, livemode, status, {', '.join(MEASURES)}"  # noqa: S608  # the values are ours
        f" from {{silver}}.payments where merchant_id = '{copy}'"
    )
    return {row[0].removeprefix(f"{copy}|"): list(row[1:]) for row in rows}


@pytest.mark.chance
@pytest.mark.usefixtures("built")
def test_any_order_and_repetition_of_events_makes_the_same_payments(
    dbt: Dbt, query: Query, bronze: Table, copies: Generated, contracts: Copies
) -> None:
    # In several builds, so that each is merged into what the ones before have left.
    for build in range(1, BUILDS):
        append(bronze, copies.rows(build) + contracts.rows(build))
        dbt("run", "--select", PAYMENTS_MODEL)
    merged = {copy: states(query, copy) for those in (copies, contracts) for copy in those.merchants}
    for those in (copies, contracts):
        forwards, *others = [merged[copy] for copy in those.merchants]
        assert [other == forwards for other in others] == [True, True, True], AGAIN

    first = copies.merchants[0]
    known = query(
        "select payment_id, captured_minor, refunded_minor, dispute_lost_minor"  # noqa: S608  # the values are ours
        f" from {{silver}}.payments where merchant_id = '{first}'"
    )
    expected = {
        f"{first}|{life.payment_id}": [life.captured, life.refunded, life.lost] for life in copies.lives if life.events
    }
    assert {row[0]: row[1:] for row in known} == expected, AGAIN

    ends = {f"{life.payment_id}|{name}": (life, life.steps[-1].payment) for name, life in PAYMENTS.items()}
    told = {
        name: [life.currency, life.livemode, last["status"], *(last[measure] for measure in MEASURES)]
        for name, (life, last) in ends.items()
        if last is not None
    }
    assert told.keys() == ends.keys()
    found = told_states(query, contracts.merchants[-1])
    assert {name: found.get(name) for name in told} == told, AGAIN

    dbt("run", "--select", "+daily_payment_metrics", "--full-refresh")
    assert [copy for copy, rows in merged.items() if states(query, copy) != rows] == [], AGAIN

    # What Gold has given back is what the refunds are, whether their payment was told or not.
    objects = {}
    for life in copies.lives:
        for each in sorted(life.events, key=lambda event: event["provider_created_at"]):
            if each["event_type"].startswith("refund."):
                objects[each["provider_object_id"]] = each["amount_cents"] * (each["status"] == "succeeded")
    sums = query(
        "select merchant_id, sum(refunded_minor) from {gold}.daily_payment_metrics where merchant_id like 'copy_%'"
        " group by 1"
    )
    assert dict(sums) == dict.fromkeys(copies.merchants, sum(objects.values())), AGAIN
