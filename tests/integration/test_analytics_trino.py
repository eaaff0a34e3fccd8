"""Silver and Gold from Bronze, by dbt and by Dagster, on the real Trino."""

import uuid
import warnings
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from dagster import AssetCheckSeverity, DagsterInstance, ExecuteInProcessResult
from pyiceberg.table import Table

from tests.integration.analytics import NOON, Dbt, Query, append, failed, gold_of, own_namespace, payment

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def bronze_namespace() -> str:
    """A Bronze of this module's own: builds look at no rows of others."""
    return own_namespace()


def silver_of(query: Query, merchant: str) -> list[list[Any]]:
    return query(
        "select event_id, fraud_score, amount_major, bronze_rows"  # noqa: S608  # the values are ours
        f" from {{silver}}.payments_cleaned where merchant_id = '{merchant}' order by event_id"
    )


def test_builds_one_row_per_event_and_exact_daily_sums(dbt: Dbt, query: Query, bronze: Table, merchant: str) -> None:
    twice = payment(merchant)
    rescored = failed(merchant, event_id="00000000-0000-5000-8000-" + uuid.uuid4().hex[:12])
    yen = payment(merchant, currency="JPY", amount_cents=500)
    dinar = payment(merchant, currency="KWD", amount_cents=1234)
    append(bronze, [twice, rescored, yen, dinar])
    append(bronze, [twice, rescored | {"fraud_score": 0.75, "scored_at": NOON + timedelta(hours=1)}])

    dbt("build")

    silver = {row[0]: row[1:] for row in silver_of(query, merchant)}
    assert silver == {
        twice["event_id"]: [0.25, Decimal("12.34"), 2],
        rescored["event_id"]: [0.25, Decimal("12.34"), 2],
        yen["event_id"]: [0.25, Decimal(500), 1],
        dinar["event_id"]: [0.25, Decimal("1.234"), 1],
    }
    day = date(2025, 3, 1)
    assert gold_of(query, merchant) == [
        [day, "JPY", "succeeded", 1, 500, Decimal(500), 0, 0],
        [day, "KWD", "succeeded", 1, 1234, Decimal("1.234"), 0, 0],
        [day, "USD", "failed", 1, 1234, Decimal("12.34"), 1, 1],
        [day, "USD", "succeeded", 1, 1234, Decimal("12.34"), 0, 0],
    ]


def test_a_second_build_changes_nothing_and_a_late_event_counts_on_its_own_day(
    dbt: Dbt, query: Query, bronze: Table, merchant: str
) -> None:
    append(bronze, [payment(merchant), failed(merchant)])
    dbt("run", "--select", "+daily_payment_metrics")
    before = silver_of(query, merchant), gold_of(query, merchant)

    dbt("run", "--select", "+daily_payment_metrics")
    assert (silver_of(query, merchant), gold_of(query, merchant)) == before

    # Older by every clock than what Silver has.
    long_ago = NOON - timedelta(days=40)
    late = payment(merchant, provider_created_at=long_ago, processed_at=long_ago, scored_at=long_ago)
    append(bronze, [late])
    dbt("run", "--select", "+daily_payment_metrics")
    assert len(silver_of(query, merchant)) == 3
    assert gold_of(query, merchant)[0][:4] == [date(2025, 1, 20), "USD", "succeeded", 1]


def test_silver_does_not_depend_on_the_order_of_arrival(dbt: Dbt, query: Query, bronze: Table) -> None:
    forwards, backwards = f"merch_{uuid.uuid4().hex}", f"merch_{uuid.uuid4().hex}"
    scores = [
        {"fraud_score": 0.1, "schema_version": 1, "scored_at": NOON + timedelta(hours=3)},
        {"fraud_score": 0.2, "schema_version": 2, "scored_at": NOON + timedelta(hours=1)},
        {"fraud_score": 0.3, "schema_version": 2, "scored_at": NOON + timedelta(hours=2)},
    ]
    event = {merchant: payment(merchant) for merchant in (forwards, backwards)}
    # One build for each arrival, so that each is merged into what the one before left.
    for first, last in zip(scores, reversed(scores), strict=True):
        append(bronze, [event[forwards] | first, event[backwards] | last])
        dbt("run", "--select", "+daily_payment_metrics")
    assert [row[1:] for row in silver_of(query, forwards)] == [[0.2, Decimal("12.34"), 3]]
    assert [row[1:] for row in silver_of(query, backwards)] == [[0.2, Decimal("12.34"), 3]]


def test_refunds_and_payouts_are_in_silver_and_never_counted_as_payments(
    dbt: Dbt, query: Query, bronze: Table, merchant: str
) -> None:
    unscored = {"fraud_score": 0.0, "fraud_score_source": "not_scored", "schema_version": 2, "currency_exponent": 2}
    paid_id = f"pi_{merchant}"
    paid = payment(merchant, schema_version=2, provider_object_id=paid_id, attempt_number=2)
    refund = payment(merchant, event_type="refund.succeeded", related_payment_id=paid_id, **unscored)
    payout = payment(merchant, event_type="payout.paid", provider_object_id="po_1", **unscored)
    append(bronze, [paid, refund, payout])
    dbt("build", "--select", "+daily_payment_metrics", "--exclude-resource-type", "unit_test")
    silver = query(
        "select event_family, provider_object_id, attempt_number, related_payment_id, currency_exponent"  # noqa: S608  # the values are ours
        f" from {{silver}}.payments_cleaned where merchant_id = '{merchant}' order by event_family"
    )
    assert silver == [
        ["payment", paid_id, 2, None, 2],
        ["payout", "po_1", None, None, 2],
        ["refund", None, None, paid_id, 2],
    ]
    assert [row[2:5] for row in gold_of(query, merchant)] == [["refunded", 1, 1234]]


def test_a_silver_of_before_gains_the_columns_with_values_for_every_event(
    dbt: Dbt, query: Query, bronze: Table, merchant: str
) -> None:
    append(bronze, [payment(merchant), payment(merchant, event_type="refund.created", related_payment_id="pi_1")])
    dbt("run", "--select", "+daily_payment_metrics")
    for column in ("event_family", "provider_object_id", "attempt_number", "related_payment_id"):
        query(f"alter table {{silver}}.payments_cleaned drop column {column}")
    dbt("build", "--select", "+daily_payment_metrics", "--exclude-resource-type", "unit_test")
    gained = query(
        f"select event_family, related_payment_id from {{silver}}.payments_cleaned where merchant_id = '{merchant}'"  # noqa: S608  # the values are ours
        " order by event_family"
    )
    assert gained == [["payment", None], ["refund", "pi_1"]]
    # The refund is of a payment that was never told: it counts, and is no payment.
    assert sorted(row[3] for row in gold_of(query, merchant)) == [0, 1]


@pytest.fixture
def run_job(environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ExecuteInProcessResult]:
    """Run a job of the code location in this process; raises what a step raises."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run(job: str) -> ExecuteInProcessResult:
        with warnings.catch_warnings():
            # Libraries of Dagster warn about each other.
            warnings.simplefilter("ignore")
            from analytics.location import build  # noqa: PLC0415  # warns on import
            from analytics.settings import AnalyticsSettings  # noqa: PLC0415  # as above

            with DagsterInstance.ephemeral() as instance:
                return build(AnalyticsSettings()).resolve_job_def(job).execute_in_process(instance=instance)

    return run


def failed_checks(run: ExecuteInProcessResult) -> list[str]:
    """Checks that failed as an error; events that these tests append twice are worth a warning, no more."""
    checks = run.get_asset_check_evaluations()
    return [each.check_name for each in checks if not each.passed and each.severity is AssetCheckSeverity.ERROR]


def test_dagster_materialises_every_layer_and_reports_the_tests_as_checks(
    run_job: Callable[[str], ExecuteInProcessResult], query: Query, bronze: Table, merchant: str
) -> None:
    append(bronze, [payment(merchant), failed(merchant)])
    run = run_job("refresh")
    built = {event.asset_key.path[-1] for event in run.get_asset_materialization_events() if event.asset_key}
    silver = {"stg_payments", "payments_cleaned", "payment_history", "payments"}
    assert built >= silver | {"daily_payment_metrics", "recovery_funnel", "failed_attempts", "merchant_terms"}
    assert {check.asset_key.path[0] for check in run.get_asset_check_evaluations()} == {"bronze", "silver", "gold"}
    assert failed_checks(run) == []
    assert [row[3] for row in gold_of(query, merchant)] == [1, 1]


def test_silver_runs_ahead_of_gold_until_gold_is_built(
    run_job: Callable[[str], ExecuteInProcessResult],
    dbt: Dbt,
    query: Query,
    bronze: Table,
    merchant: str,
) -> None:
    dbt("run", "--select", "+daily_payment_metrics")
    append(bronze, [payment(merchant)])

    silver = run_job("silver")
    assert (len(silver_of(query, merchant)), gold_of(query, merchant)) == (1, [])
    assert "is_fresh" in {check.check_name for check in silver.get_asset_check_evaluations()}

    gold = run_job("gold")
    assert [row[3] for row in gold_of(query, merchant)] == [1]
    assert "gold_agrees_with_silver" in {check.check_name for check in gold.get_asset_check_evaluations()}
