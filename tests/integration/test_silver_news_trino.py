"""Silver is merged from the news of Bronze, and it and Gold are what a build from scratch makes, on the real Trino."""

import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from pyiceberg.table import Table

from tests.integration.analytics import NOON, Dbt, Query, append, own_namespace, payment

pytestmark = [pytest.mark.integration, pytest.mark.nightly, pytest.mark.timeout(900)]

# The project has the name of its largest model, which alone selects all of it.
# What is rebuilt whole, once a day, is no part of it.
SILVER = ("--select", "payments_sources", "payments.silver", "--exclude", "tag:daily")
TABLES = ("payments_cleaned", "payment_history", "payments")
WEEK = timedelta(days=7)
MIDNIGHT = NOON + timedelta(hours=12)

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def bronze_namespace() -> str:
    """A Bronze of this module's own, which is rolled back and compacted."""
    return own_namespace()


@pytest.fixture(scope="module")
def build(dbt: Dbt) -> Callable[..., None]:
    def run(*options: str) -> None:
        dbt("run", *SILVER, *options)

    return run


@pytest.fixture(scope="module")
def gold(dbt: Dbt, query: Query) -> Callable[[], dict[str, list[str]]]:
    """Build Gold of Silver as it is, and return all rows of its tables."""

    def run() -> dict[str, list[str]]:
        dbt("run", "--select", "tag:daily", "payments.gold")
        names = [name for (name,) in query("show tables from {gold}")]
        return {name: sorted(map(repr, query(f"select * from {{gold}}.{name}"))) for name in names}  # noqa: S608  # they are ours

    return run


def of(name: str, event_type: str, status: str, at: Any = NOON, **fields: Any) -> dict[str, Any]:
    """A row of Bronze about an object."""
    times = {
        "provider_created_at": at,
        "processed_at": at + timedelta(seconds=1),
        "scored_at": at + timedelta(seconds=2),
    }
    told = {"schema_version": 3, "provider_object_id": name, "currency_exponent": 2, "livemode": True}
    return payment("merch_1", event_type=event_type, status=status, **{**told, **times, **fields})


def paid(name: str, at: Any = NOON, **fields: Any) -> dict[str, Any]:
    return of(name, "payment.succeeded", "succeeded", at, captured_cents=1234, **fields)


def contents(query: Query) -> dict[str, list[str]]:
    """All rows of Silver with all their columns."""
    return {name: sorted(map(repr, query(f"select * from {{silver}}.{name}"))) for name in TABLES}  # noqa: S608  # the values are ours


def snapshots(query: Query) -> list[list[Any]]:
    return [query(f'select count(*) from {{silver}}."{name}$snapshots"')[0] for name in TABLES]  # noqa: S608  # as above


def mark(query: Query, table: str, name: str = "news.sequence") -> str:
    ((value,),) = query(f"select value from {{silver}}.\"{table}$properties\" where key = '{name}'")  # noqa: S608  # as above
    return str(value)


def require_rebuild_is_equal(build: Callable[..., None], query: Query) -> dict[str, list[str]]:
    """Silver is, row by row, what a build from scratch makes; return its rows."""
    merged = contents(query)
    build("--full-refresh")
    rebuilt = contents(query)
    for name in TABLES:
        assert merged[name] == rebuilt[name], name
    return rebuilt


def first_day() -> Rows:
    unpaid = of("re_9", "refund.succeeded", "succeeded", related_charge_id="ch_9", amount_cents=100)
    return [*(paid(f"pi_{number}") for number in range(30)), of("ch_8", "charge.pending", "pending"), unpaid]


def later_days(known: Rows) -> Rows:
    """What makes old rows change: each kind of lateness and repetition that a provider, a redrive or a fault brings."""
    late, later = NOON + 2 * WEEK, NOON + 3 * WEEK
    midnight = paid("pi_100", MIDNIGHT - timedelta(milliseconds=1), scored_at=later)
    other_side = midnight | {
        "provider_created_at": MIDNIGHT + timedelta(milliseconds=1),
        "processed_at": MIDNIGHT + timedelta(seconds=3),
        "scored_at": late,
    }
    return [
        # Older by every clock than what is known.
        paid("pi_101", NOON - 6 * WEEK),
        # A refund two weeks later, which names the payment.
        of("re_1", "refund.succeeded", "succeeded", late, related_payment_id="pi_1", amount_cents=200),
        # One that names its charge alone, and the charge that names the payment behind it.
        of("ch_2", "charge.captured", "succeeded", NOON, related_payment_id="pi_2", captured_cents=1234),
        of("re_2", "refund.succeeded", "succeeded", late, related_charge_id="ch_2", amount_cents=300),
        # What were payments by themselves belong to another now.
        of("ch_8", "charge.captured", "succeeded", late, related_payment_id="pi_3", captured_cents=1234),
        of("ch_9", "charge.captured", "succeeded", later, related_payment_id="pi_4", captured_cents=1234),
        # One event on both sides of midnight; the second was scored first.
        midnight,
        other_side,
        # A duplicate flood, and a day that was replayed: scored again.
        *(known[:20] * 3),
        *(row | {"fraud_score": 0.75, "scored_at": later} for row in known[10:30]),
        # A corrected mapping: the same event with other values, and it stays as first scored, or comes before.
        known[0] | {"amount_cents": 999, "scored_at": later, "processed_at": later},
        known[5] | {"amount_cents": 999, "captured_cents": 999, "scored_at": NOON - WEEK, "provider_created_at": late},
    ]


@pytest.fixture(scope="module")
def known(build: Callable[..., None], query: Query, bronze: Table) -> Rows:
    """Build Silver from the rows of a first day, and return them."""
    rows = first_day()
    append(bronze, rows)
    build()
    assert len(contents(query)["payments"]) == 32
    return rows


def test_news_of_any_day_comes_to_what_a_rebuild_makes(
    build: Callable[..., None], gold: Callable[[], dict[str, list[str]]], query: Query, bronze: Table, known: Rows
) -> None:
    before = gold()
    # In two builds, so that the second meets what the first has left.
    news = later_days(known)
    for rows in (news[::2], news[1::2]):
        append(bronze, rows)
        build()
    told = gold()
    rebuilt = require_rebuild_is_equal(build, query)
    told_anew = gold()
    for name, held in told.items():
        assert held == told_anew[name], name
    assert {name for name, held in told.items() if held != before[name]} >= {"daily_payment_metrics", "ml_features"}
    # 30 payments and two more, and neither charge is one by itself any more.
    assert len(rebuilt["payments"]) == 32
    assert query("select sum(bronze_rows) from {silver}.payments_cleaned") == [[len(known) + len(news)]]


def test_an_event_that_is_about_another_object_leaves_nothing_behind(
    build: Callable[..., None], query: Query, bronze: Table, known: Rows
) -> None:
    append(bronze, [known[7] | {"provider_object_id": "pi_7b", "scored_at": NOON - WEEK}])
    build()
    require_rebuild_is_equal(build, query)
    names = query("select payment_id from {silver}.payments where payment_id in ('pi_7', 'pi_7b')")
    assert names == [["pi_7b"]]


def test_what_was_compacted_is_no_news(
    build: Callable[..., None], query: Query, bronze: Table, bronze_namespace: str, known: Rows
) -> None:
    build()
    before = snapshots(query)
    optimize = f"alter table {bronze_namespace}.{bronze.name()[-1]} execute optimize"
    query(optimize)
    query(f"alter table {bronze_namespace}.{bronze.name()[-1]} execute expire_snapshots(retention_threshold => '0s')")
    build()
    assert snapshots(query) == before

    # Merged into one file with rows that are known, of which none is merged again.
    append(bronze, [paid("pi_200"), known[1]])
    query(optimize)
    build()
    ((added,),) = query(
        "select summary['added-records'] from {silver}.\"payments_cleaned$snapshots\""
        " order by committed_at desc limit 1"
    )
    assert added == "2"
    require_rebuild_is_equal(build, query)


def test_a_build_that_failed_after_its_merge_is_repeated(
    build: Callable[..., None], query: Query, bronze: Table, known: Rows
) -> None:
    before = {name: mark(query, name) for name in TABLES}
    append(bronze, [paid("pi_300"), known[2]])
    build()
    for name in TABLES:
        assert int(mark(query, name)) > int(before[name])
        query(
            f"alter table {{silver}}.{name} set properties"
            f" extra_properties = map(array['news.sequence'], array['{before[name]}'])"
        )
    build()
    require_rebuild_is_equal(build, query)


def test_a_bronze_that_was_rolled_back_is_built_anew(
    build: Callable[..., None], query: Query, bronze: Table, bronze_namespace: str, known: Rows
) -> None:
    ((snapshot,),) = query(
        f'select snapshot_id from {bronze_namespace}."{bronze.name()[-1]}$snapshots" order by committed_at desc limit 1'  # noqa: S608  # the values are ours
    )
    append(bronze, [paid("pi_400"), known[3]])
    build()
    generation = mark(query, "payments", "news.generation")
    query(f"alter table {bronze_namespace}.{bronze.name()[-1]} execute rollback_to_snapshot({snapshot})")
    append(bronze, [paid("pi_401"), known[4]])
    build()
    assert mark(query, "payments", "news.generation") != generation
    rows = require_rebuild_is_equal(build, query)
    assert not any("pi_400" in row for name in TABLES for row in rows[name])


def test_of_two_builds_at_once_none_undoes_the_other(
    environment: Mapping[str, str], build: Callable[..., None], query: Query, bronze: Table, known: Rows
) -> None:
    append(bronze, [paid(f"pi_5{number:02}") for number in range(10)] + known[:5])
    project = environment["DBT_PROJECT_DIR"]
    command = [str(Path(sys.executable).with_name("dbt")), "run", *SILVER]
    folders = ["--project-dir", project, "--profiles-dir", project]
    both = [
        subprocess.Popen(  # the command is ours
            [*command, *folders, "--target-path", f"target-{uuid.uuid4().hex[:8]}"],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for each in both:
        each.communicate(timeout=300)
    # Whichever gave way, the next build has nothing wrong to begin with.
    build()
    require_rebuild_is_equal(build, query)


def test_payments_are_not_merged_over_what_a_statement_left_under_way_adds(
    build: Callable[..., None], query: Query, bronze: Table, known: Rows
) -> None:
    append(bronze, [paid(f"pi_6{number:02}") for number in range(5)])
    read, ended = mark(query, "payments"), Event()

    def add_rows() -> None:
        while not ended.wait(0.5):
            query("insert into {silver}.payments (payment_id, event_date) values ('late', date '2020-01-01')")

    with ThreadPoolExecutor(1) as pool:
        adding = pool.submit(add_rows)
        try:
            with pytest.raises(AssertionError, match="was changed while this build looked at it"):
                build()
        finally:
            ended.set()
        adding.result()
    assert mark(query, "payments") == read
    query("delete from {silver}.payments where payment_id = 'late'")
    build()
    require_rebuild_is_equal(build, query)
