"""Silver and Gold from Bronze, by dbt and by Dagster, on the real Trino.

Rows go into the real Bronze, each test under merchants of its own; Silver and Gold are built in schemas of the run's
own.
"""

import os
import shutil
import subprocess
import sys
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import trino
from dagster import AssetCheckSeverity, DagsterInstance, ExecuteInProcessResult
from kit.lake import load_catalog
from kit.settings import LakeSettings
from payments_contracts.pins.orchestrator import ScoredPayment
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS
from pyiceberg.table import Table

pytestmark = pytest.mark.integration

REPOSITORY = Path(__file__).resolve().parents[2]
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)

Query = Callable[[str], list[list[Any]]]


@pytest.fixture(scope="module")
def environment(stack: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The stack's settings, with schemas and a prepared dbt project of this run's own."""
    root = tmp_path_factory.mktemp("repository")
    shutil.copytree(REPOSITORY / "dbt", root / "dbt", ignore=shutil.ignore_patterns("target", "logs", "dbt_packages"))
    shutil.copytree(REPOSITORY / "generated" / "dbt", root / "generated" / "dbt")
    own = {"DBT_PROJECT_DIR": str(root / "dbt"), "DBT_SCHEMA_SUFFIX": f"_test_{uuid.uuid4().hex[:8]}"}
    environment = {**os.environ, **stack, **own}
    subprocess.run([sys.executable, "-m", "analytics"], check=True, env=environment, timeout=120)
    return environment


@pytest.fixture(scope="module")
def query(environment: Mapping[str, str]) -> Iterator[Query]:
    """Ask Trino; `{silver}` and `{gold}` are the run's schemas, dropped at the end."""
    suffix = environment["DBT_SCHEMA_SUFFIX"]
    connection = trino.dbapi.connect(  # type: ignore[no-untyped-call]  # the library has half its types
        host=environment["TRINO_HOST"],
        port=int(environment["TRINO_PORT"]),
        user=environment["TRINO_USER"],
        catalog="lake",
    )

    def ask(statement: str) -> list[list[Any]]:
        cursor = connection.cursor()
        cursor.execute(statement.format(silver=f"silver{suffix}", gold=f"gold{suffix}"))
        return [list(row) for row in cursor.fetchall()]

    yield ask
    for statement in (
        "drop view if exists {silver}.stg_payments",
        "drop table if exists {silver}.payments_cleaned",
        "drop table if exists {gold}.daily_payment_metrics",
        "drop schema if exists {silver}",
        "drop schema if exists {gold}",
    ):
        ask(statement)
    connection.close()


@pytest.fixture(scope="module")
def bronze(environment: Mapping[str, str]) -> Table:
    settings = LakeSettings.model_validate({name.lower(): value for name, value in environment.items()})
    table: Table = load_catalog(settings).load_table(BRONZE_PAYMENT_EVENTS.identifier)
    return table


@pytest.fixture(scope="module")
def dbt(environment: Mapping[str, str]) -> Callable[[str], None]:
    """Run a command of dbt over the whole project; what is deprecated is an error."""
    project = environment["DBT_PROJECT_DIR"]
    program = str(Path(sys.executable).with_name("dbt"))
    strictness = ["--warn-error-options", '{"error": ["Deprecations"]}']
    folders = ["--project-dir", project, "--profiles-dir", project]

    def run(command: str) -> None:
        done = subprocess.run(
            [program, *strictness, command, *folders],
            check=False,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            timeout=280,
        )
        assert done.returncode == 0, done.stdout[-5000:]

    return run


@pytest.fixture
def merchant() -> str:
    return f"merch_{uuid.uuid4().hex}"


def payment(merchant: str, **changes: Any) -> dict[str, Any]:
    """A row of Bronze as the contract has it: one succeeded payment of 12.34 USD, unless changed."""
    row: dict[str, Any] = {
        "event_id": str(uuid.uuid4()),
        "provider": "stripe",
        "provider_event_id": f"evt_{uuid.uuid4().hex}",
        "event_type": "payment.succeeded",
        "merchant_id": merchant,
        "amount_cents": 1234,
        "currency": "USD",
        "status": "succeeded",
        "metadata": {"b": "2", "a": "1"},
        "provider_created_at": NOON,
        "processed_at": NOON + timedelta(seconds=1),
        "rule_violations": [],
        "fraud_score": 0.25,
        "fraud_risk_level": "low",
        "fraud_score_source": "model",
        "scored_at": NOON + timedelta(seconds=2),
        "schema_version": 1,
    }
    return ScoredPayment.model_validate(row | changes).model_dump()


def failed(merchant: str, **changes: Any) -> dict[str, Any]:
    advice = {"should_retry": True, "delay_seconds": 3600, "max_attempts": 3}
    state = {"event_type": "payment.failed", "status": "failed", "failure_code": "card_declined"}
    return payment(merchant, **state, retry_strategy=advice, retry_strategy_source="model", **changes)


def append(bronze: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    bronze.append(pa.Table.from_pylist(list(rows), schema=bronze.schema().as_arrow()))


def gold_of(query: Query, merchant: str) -> list[list[Any]]:
    return query(
        "select event_date, currency, status, payment_count, amount_minor, amount_major, failed_count,"  # noqa: S608  # the values are ours
        f" retry_advised_count from {{gold}}.daily_payment_metrics where merchant_id = '{merchant}' order by 1, 2, 3"
    )


def silver_of(query: Query, merchant: str) -> list[list[Any]]:
    return query(
        "select event_id, fraud_score, amount_major, bronze_rows"  # noqa: S608  # the values are ours
        f" from {{silver}}.payments_cleaned where merchant_id = '{merchant}' order by event_id"
    )


def test_builds_one_row_per_event_and_exact_daily_sums(
    dbt: Callable[[str], None], query: Query, bronze: Table, merchant: str
) -> None:
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
        rescored["event_id"]: [0.75, Decimal("12.34"), 2],
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
    dbt: Callable[[str], None], query: Query, bronze: Table, merchant: str
) -> None:
    append(bronze, [payment(merchant), failed(merchant)])
    dbt("run")
    before = silver_of(query, merchant), gold_of(query, merchant)

    dbt("run")
    assert (silver_of(query, merchant), gold_of(query, merchant)) == before

    # Older by every clock than what Silver has.
    long_ago = NOON - timedelta(days=40)
    late = payment(merchant, provider_created_at=long_ago, processed_at=long_ago, scored_at=long_ago)
    append(bronze, [late])
    dbt("run")
    assert len(silver_of(query, merchant)) == 3
    assert gold_of(query, merchant)[0][:4] == [date(2025, 1, 20), "USD", "succeeded", 1]


def test_silver_does_not_depend_on_the_order_of_arrival(
    dbt: Callable[[str], None], query: Query, bronze: Table
) -> None:
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
        dbt("run")
    assert [row[1:] for row in silver_of(query, forwards)] == [[0.3, Decimal("12.34"), 3]]
    assert [row[1:] for row in silver_of(query, backwards)] == [[0.3, Decimal("12.34"), 3]]


def test_refunds_and_payouts_are_in_silver_and_never_counted_as_payments(
    dbt: Callable[[str], None], query: Query, bronze: Table, merchant: str
) -> None:
    unscored = {"fraud_score": 0.0, "fraud_score_source": "not_scored", "schema_version": 2, "currency_exponent": 2}
    paid = payment(merchant, schema_version=2, provider_object_id="pi_1", attempt_number=2)
    refund = payment(merchant, event_type="refund.succeeded", related_payment_id="pi_1", **unscored)
    payout = payment(merchant, event_type="payout.paid", provider_object_id="po_1", **unscored)
    append(bronze, [paid, refund, payout])
    dbt("build")
    silver = query(
        "select event_family, provider_object_id, attempt_number, related_payment_id, currency_exponent"  # noqa: S608  # the values are ours
        f" from {{silver}}.payments_cleaned where merchant_id = '{merchant}' order by event_family"
    )
    assert silver == [
        ["payment", "pi_1", 2, None, 2],
        ["payout", "po_1", None, None, 2],
        ["refund", None, None, "pi_1", 2],
    ]
    assert [row[2:5] for row in gold_of(query, merchant)] == [["succeeded", 1, 1234]]


def test_a_silver_of_before_gains_the_columns_with_values_for_every_event(
    dbt: Callable[[str], None], query: Query, bronze: Table, merchant: str
) -> None:
    append(bronze, [payment(merchant), payment(merchant, event_type="refund.created", related_payment_id="pi_1")])
    dbt("run")
    for column in ("event_family", "provider_object_id", "attempt_number", "related_payment_id"):
        query(f"alter table {{silver}}.payments_cleaned drop column {column}")
    dbt("build")
    gained = query(
        f"select event_family, related_payment_id from {{silver}}.payments_cleaned where merchant_id = '{merchant}'"  # noqa: S608  # the values are ours
        " order by event_family"
    )
    assert gained == [["payment", None], ["refund", "pi_1"]]
    assert [row[3] for row in gold_of(query, merchant)] == [1]


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
    assert built == {"stg_payments", "payments_cleaned", "daily_payment_metrics"}
    assert {check.asset_key.path[0] for check in run.get_asset_check_evaluations()} == {"bronze", "silver", "gold"}
    assert failed_checks(run) == []
    assert [row[3] for row in gold_of(query, merchant)] == [1, 1]


def test_silver_runs_ahead_of_gold_until_gold_is_built(
    run_job: Callable[[str], ExecuteInProcessResult],
    dbt: Callable[[str], None],
    query: Query,
    bronze: Table,
    merchant: str,
) -> None:
    dbt("run")
    append(bronze, [payment(merchant)])

    silver = run_job("silver")
    assert (len(silver_of(query, merchant)), gold_of(query, merchant)) == (1, [])
    assert "is_fresh" in {check.check_name for check in silver.get_asset_check_evaluations()}

    gold = run_job("gold")
    assert [row[3] for row in gold_of(query, merchant)] == [1]
    assert "gold_agrees_with_silver" in {check.check_name for check in gold.get_asset_check_evaluations()}
