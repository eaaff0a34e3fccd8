"""Silver and Gold from Bronze, by dbt and by Dagster, on the real Trino."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from dagster import (
    AssetKey,
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
    Failure,
    build_sensor_context,
    job,
    op,
)
from pyiceberg.table import Table
from pyiceberg.types import StringType

from tests.integration.analytics import (
    NOON,
    Dbt,
    Query,
    Run,
    append,
    checks_of,
    failed,
    gold_of,
    own_namespace,
    payment,
    within,
)

# A day on which nothing else happens.
FAULTY_AT = NOON - timedelta(days=9)
FAULTY_DAY = f"{FAULTY_AT:%Y-%m-%d}"

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900), pytest.mark.trino]


@pytest.fixture(scope="module")
def bronze_namespace() -> str:
    """A Bronze of this module's own: builds look at no rows of others."""
    return own_namespace()


def silver_of(query: Query, merchant: str) -> list[list[Any]]:
    return query(
        "select event_id, fraud_score, amount_major, bronze_rows"  # noqa: S608  # the values are ours
        f" from {{silver}}.payments_cleaned where merchant_id = '{merchant}' order by event_id"
    )


class Merchants:
    """Merchants of this module, each with events of its own."""

    def __init__(self) -> None:
        self.exact, self.forwards, self.backwards, self.late, self.refunded, self.ahead, self.faulty = (
            f"merch_{uuid.uuid4().hex}" for _ in range(7)
        )
        self.twice = payment(self.exact)
        self.rescored = failed(self.exact)
        self.yen = payment(self.exact, currency="JPY", amount_cents=500)
        self.dinar = payment(self.exact, currency="KWD", amount_cents=1234)
        self.paid_id = f"pi_{self.refunded}"
        self._scores = [
            {"fraud_score": 0.1, "schema_version": 1, "scored_at": NOON + timedelta(hours=3)},
            {"fraud_score": 0.2, "schema_version": 2, "scored_at": NOON + timedelta(hours=1)},
            {"fraud_score": 0.3, "schema_version": 2, "scored_at": NOON + timedelta(hours=2)},
        ]
        self._scored = {merchant: payment(merchant) for merchant in (self.forwards, self.backwards)}

    def arrival(self, number: int) -> list[dict[str, Any]]:
        """Return one of three rows of an event of `forwards`, and of one of `backwards`, whose rows come in reverse."""
        first, last = self._scores[number], self._scores[-1 - number]
        return [self._scored[self.forwards] | first, self._scored[self.backwards] | last]

    def first_rows(self) -> list[dict[str, Any]]:
        unscored = {"fraud_score": 0.0, "fraud_score_source": "not_scored", "schema_version": 2, "currency_exponent": 2}
        refund = {"event_type": "refund.succeeded", "related_payment_id": self.paid_id}
        payout = {"event_type": "payout.paid", "provider_object_id": "po_1"}
        return [
            *(self.twice, self.rescored, self.yen, self.dinar),
            *(self.twice, self.rescored | {"fraud_score": 0.75, "scored_at": NOON + timedelta(hours=1)}),
            *(payment(self.late), failed(self.late)),
            payment(self.refunded, schema_version=2, provider_object_id=self.paid_id, attempt_number=2),
            *(payment(self.refunded, **refund, **unscored), payment(self.refunded, **payout, **unscored)),
            payment(self.faulty, provider_created_at=FAULTY_AT),
            *self.arrival(0),
        ]


@pytest.fixture(scope="module")
def merchants() -> Merchants:
    return Merchants()


@pytest.fixture(scope="module")
def built(dbt: Dbt, bronze: Table, merchants: Merchants) -> None:
    """Silver and daily metrics of the first rows of all merchants."""
    append(bronze, merchants.first_rows())
    dbt("run", "--select", "+daily_payment_metrics")


@pytest.mark.usefixtures("built")
def test_one_row_per_event_and_exact_daily_sums(query: Query, merchants: Merchants) -> None:
    silver = {row[0]: row[1:] for row in silver_of(query, merchants.exact)}
    assert silver == {
        merchants.twice["event_id"]: [0.25, Decimal("12.34"), 2],
        merchants.rescored["event_id"]: [0.25, Decimal("12.34"), 2],
        merchants.yen["event_id"]: [0.25, Decimal(500), 1],
        merchants.dinar["event_id"]: [0.25, Decimal("1.234"), 1],
    }
    day = date(2025, 3, 1)
    assert gold_of(query, merchants.exact) == [
        [day, "JPY", "succeeded", 1, 500, Decimal(500), 0, 0],
        [day, "KWD", "succeeded", 1, 1234, Decimal("1.234"), 0, 0],
        [day, "USD", "failed", 1, 1234, Decimal("12.34"), 1, 1],
        [day, "USD", "succeeded", 1, 1234, Decimal("12.34"), 0, 0],
    ]


@pytest.mark.usefixtures("built")
def test_refunds_and_payouts_are_in_silver_and_never_counted_as_payments(query: Query, merchants: Merchants) -> None:
    silver = query(
        "select event_family, provider_object_id, attempt_number, related_payment_id, currency_exponent"  # noqa: S608  # the values are ours
        f" from {{silver}}.payments_cleaned where merchant_id = '{merchants.refunded}' order by event_family"
    )
    assert silver == [
        ["payment", merchants.paid_id, 2, None, 2],
        ["payout", "po_1", None, None, 2],
        ["refund", None, None, merchants.paid_id, 2],
    ]
    assert [row[2:5] for row in gold_of(query, merchants.refunded)] == [["refunded", 1, 1234]]


@pytest.fixture(scope="module")
def silver_run(
    built: None,  # it comes first
    run_job: Run,
    query: Query,
    bronze: Table,
    merchants: Merchants,
) -> ExecuteInProcessResult:
    """Silver alone, merged by Dagster from the news: an event of `ahead`, and second rows of events that are known.

    A row of a day without news is wrong meanwhile, and so is its payment.
    """
    for table in ("payments_cleaned", "payments"):
        query(f"update {{silver}}.{table} set status = 'lost at sea' where merchant_id = '{merchants.faulty}'")  # noqa: S608  # the values are ours
    append(bronze, [payment(merchants.ahead), *merchants.arrival(1)])
    return run_job("silver")


ACCEPTED = ("accepted_values_payments_cleaned", "accepted_values_payments")


def test_the_hourly_run_tests_the_days_with_news_and_others_are_tested_by_the_day(
    silver_run: ExecuteInProcessResult, dbt: Dbt
) -> None:
    assert all(checks_of(silver_run)[name].passed for name in ACCEPTED)
    assert dbt("test", "--select", *ACCEPTED, may_fail=True) == dict.fromkeys(ACCEPTED, "warn")


@pytest.mark.usefixtures("silver_run")
def test_a_day_that_is_read_again_is_as_bronze_has_it_in_all_of_silver(
    dbt: Dbt, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As the job `silver_days` does for its partition.
    monkeypatch.setenv("DBT_DAYS", FAULTY_DAY)
    dbt("run", "--select", "+config.materialized:news")
    assert dbt("test", "--select", *ACCEPTED) == dict.fromkeys(ACCEPTED, "pass")


def test_silver_runs_ahead_of_gold_until_gold_is_built(
    silver_run: ExecuteInProcessResult, run_job: Run, query: Query, merchants: Merchants
) -> None:
    assert (len(silver_of(query, merchants.ahead)), gold_of(query, merchants.ahead)) == (1, [])
    checks = checks_of(silver_run)
    assert "is_fresh" in checks
    assert all(check.passed for name, check in checks.items() if name != "is_fresh"), checks

    gold = run_job("gold", AssetKey(["gold", "daily_payment_metrics"]))
    assert [row[3] for row in gold_of(query, merchants.ahead)] == [1]
    assert checks_of(gold)["gold_agrees_with_silver"].passed


@pytest.mark.usefixtures("silver_run")
def test_a_late_event_counts_on_its_own_day_and_nothing_depends_on_the_order_of_arrival(
    dbt: Dbt, query: Query, bronze: Table, merchants: Merchants
) -> None:
    before = silver_of(query, merchants.late), gold_of(query, merchants.late)
    # Older by every clock than what Silver has.
    long_ago = NOON - timedelta(days=40)
    late = payment(merchants.late, provider_created_at=long_ago, processed_at=long_ago, scored_at=long_ago)
    append(bronze, [late, *merchants.arrival(2)])
    dbt("run", "--select", "+daily_payment_metrics")

    silver, gold = silver_of(query, merchants.late), gold_of(query, merchants.late)
    assert [row for row in silver if row[0] != late["event_id"]] == before[0]
    assert len(silver) == len(before[0]) + 1
    assert gold[0][:4] == [date(2025, 1, 20), "USD", "succeeded", 1]
    assert gold[1:] == before[1]

    # Each row of these has come with a build of its own, and was merged into what the one before left.
    assert [row[1:] for row in silver_of(query, merchants.forwards)] == [[0.2, Decimal("12.34"), 3]]
    assert [row[1:] for row in silver_of(query, merchants.backwards)] == [[0.2, Decimal("12.34"), 3]]


@pytest.mark.usefixtures("built")
def test_a_silver_of_before_gains_the_columns_with_values_for_every_event(
    dbt: Dbt, query: Query, merchants: Merchants
) -> None:
    columns = ("event_family", "provider_object_id", "attempt_number", "related_payment_id")
    told = f"select {', '.join(columns)} from {{silver}}.payments_cleaned order by event_id"  # noqa: S608  # the values are ours
    before, gold = query(told), gold_of(query, merchants.refunded)
    for column in columns:
        query(f"alter table {{silver}}.payments_cleaned drop column {column}")
    dbt("run", "--select", "+daily_payment_metrics")
    assert query(told) == before
    assert gold_of(query, merchants.refunded) == gold


@contextmanager
def missing(bronze: Table) -> Iterator[str]:
    """Have Bronze under another name."""
    aside = (bronze.name()[0], "aside")
    bronze.catalog.rename_table(bronze.name(), aside)
    try:
        yield "The lake has no "
    finally:
        bronze.catalog.rename_table(aside, bronze.name())


@contextmanager
def widened(bronze: Table) -> Iterator[str]:
    """Have Bronze with a column that no contract knows."""
    with bronze.update_schema() as update:
        update.add_column("shoe_size", StringType())
    try:
        yield "has shoe_size, which no version of its contract"
    finally:
        with bronze.update_schema() as update:
            update.delete_column("shoe_size")


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("fault", [missing, widened])
def test_a_source_that_is_not_as_it_should_be_ends_the_run_before_anything_is_written(
    fault: Callable[[Table], AbstractContextManager[str]], run_job: Run, query: Query, bronze: Table
) -> None:
    written = 'select max(committed_at), count(*) from {silver}."payments_cleaned$snapshots"'
    before = query(written)
    with fault(bronze) as said, pytest.raises(Failure, match=f"Nothing was built.*{said}"):
        run_job("silver", AssetKey(["silver", "payments_cleaned"]))
    assert query(written) == before


@op
def nothing() -> None:
    """Succeeds."""


@job(name="silver")
def sound() -> None:
    """A run that succeeds."""
    nothing()


@pytest.mark.usefixtures("built")
def test_a_failed_run_is_an_alert_in_alertmanager_until_one_succeeds(
    environment: Mapping[str, str], location: Definitions, bronze: Table
) -> None:
    sensor, silver = location.resolve_sensor_def("failed_runs"), location.resolve_job_def("silver")

    def standing() -> list[str]:
        filters = {"filter": ['alertname="RunFailed"', 'dagster_job="silver"', 'job="dagster"']}
        told = httpx.get(f"{environment['ALERTMANAGER_URL']}/api/v2/alerts", params=filters, trust_env=False).json()
        return [each["labels"]["severity"] for each in told]

    with within(environment), DagsterInstance.ephemeral() as instance:

        def look(cursor: str | None) -> str | None:
            return sensor.evaluate_tick(build_sensor_context(instance, cursor=cursor)).cursor

        cursor = look(None)
        with missing(bronze):
            silver.execute_in_process(
                instance=instance, asset_selection=[AssetKey(["silver", "stg_payments"])], raise_on_error=False
            )
        cursor = look(cursor)
        assert standing() == ["ticket"]
        # A build would cost seconds, and the sensor goes by the job's name.
        sound.execute_in_process(instance=instance)
        look(cursor)
        assert standing() == []
