"""Silver's and Gold's tables of recovery, disputes, payouts, health and features, by dbt on the real Trino."""

import uuid
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from dagster import AssetCheckSeverity, ExecuteInProcessResult
from pyiceberg.table import Table

from tests.integration.analytics import NOON, Dbt, Query, Run, append, checks_of, own_namespace
from tests.integration.contract_lives import PAYMENTS, rows_of_life
from tests.integration.gold_cases import DAY, EVENTS, arrow_row, dispute, failure, receipt, reference_rows
from tests.integration.loss_cases import CASES
from tests.integration.payment_cases import event
from tests.integration.reporting import ask_queries, first_numbers, make_page

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900), pytest.mark.trino]


@pytest.fixture(scope="module")
def bronze_namespace() -> str:
    """A Bronze of this module's own: builds look at no rows of others."""
    return own_namespace()


@pytest.fixture(scope="module")
def merchants() -> dict[str, str]:
    """A merchant of its own for each case and life."""
    return {name: f"merch_{uuid.uuid4().hex}" for name in (*EVENTS, *CASES, *PAYMENTS)}


@pytest.fixture(scope="module")
def refreshed(
    run_job: Run, bronze: Table, bronze_namespace: str, merchants: Mapping[str, str]
) -> ExecuteInProcessResult:
    """All layers, built and tested by Dagster from the cases here and the lives of all contracts."""
    rows = [event(merchants[name], **each) for name, events in EVENTS.items() for each in events]
    rows += [event(merchants[name], **each) for name, (events, _, _) in CASES.items() for each in events]
    rows += [row for name, life in PAYMENTS.items() for row in rows_of_life(life, merchants[name])]
    append(bronze, rows)
    for table, records in reference_rows(merchants).items():
        loaded = bronze.catalog.load_table((bronze_namespace, table.split(".")[1]))
        loaded.append(pa.Table.from_pylist([arrow_row(each) for each in records], schema=loaded.schema().as_arrow()))
    return run_job("refresh")


@pytest.fixture(scope="module")
def built(refreshed: ExecuteInProcessResult, merchants: Mapping[str, str]) -> Mapping[str, str]:
    """The merchant of each case, of which all layers are built."""
    assert refreshed.success
    return merchants


def test_dagster_materialises_every_layer_and_reports_the_tests_as_checks(refreshed: ExecuteInProcessResult) -> None:
    made = {event.asset_key.path[-1] for event in refreshed.get_asset_materialization_events() if event.asset_key}
    silver = {"stg_payments", "payments_cleaned", "payment_history", "payments"}
    assert made >= silver | {"daily_payment_metrics", "recovery_funnel", "failed_attempts", "merchant_terms"}
    checks = checks_of(refreshed)
    assert {check.asset_key.path[0] for check in checks.values()} == {"bronze", "silver", "gold"}
    wrong = {name for name, check in checks.items() if not check.passed}
    assert {name for name in wrong if checks[name].severity is AssetCheckSeverity.ERROR} == set()


def test_the_unit_tests_of_models_hold(built: Mapping[str, str], dbt: Dbt) -> None:
    assert built
    assert set(dbt("test", "--select", "test_type:unit").values()) == {"pass"}


def rows_of(query: Query, table: str, merchant: str, *columns: str) -> list[list[Any]]:
    listed = ", ".join(columns)
    return query(f"select {listed} from {table} where merchant_id = '{merchant}' order by {listed}")  # noqa: S608  # ours


ATTEMPTS = ("attempt", "advised_action", "tried_outcome", "tried_after_seconds", "recovered_minor", "state")


@pytest.mark.parametrize(
    ("name", "attempts"),
    [
        (
            "recovered_at_the_third_attempt",
            [[1, "retry", "failed", 3600.0, 0, "tried_again"], [2, "retry", "recovered", 2.0 * DAY, 1000, "recovered"]],
        ),
        ("never_tried_again", [[1, "new_method", "not_tried", None, 0, "lost"]]),
        ("failed_lately", [[1, "retry", "not_tried", None, 0, "open"]]),
        ("came_back", [[1, "retry", "came_back", float(DAY), 0, "lost"]]),
        ("an_invoice_paid_by_another_payment", [[1, "retry", "recovered", float(DAY), 900, "recovered"]]),
        ("an_order_paid_by_another_payment", [[1, "retry", "recovered", float(DAY), 1000, "recovered"]]),
        (
            "two_currencies",
            [[1, "retry", "not_tried", None, 0, "lost"], [1, "retry", "recovered", float(DAY), 500, "recovered"]],
        ),
    ],
)
def test_each_failed_attempt_has_what_became_of_it(
    built: Mapping[str, str], query: Query, name: str, attempts: list[list[Any]]
) -> None:
    assert rows_of(query, "{silver}.failed_attempts", built[name], *ATTEMPTS) == attempts


def test_performance_tells_what_was_advised_tried_and_recovered(built: Mapping[str, str], query: Query) -> None:
    columns = ("attempt", "failed_count", "failed_minor", "tried_count", "tried_early_count", "recovered_count")
    rows = rows_of(
        query,
        "{gold}.decline_and_retry_performance",
        built["recovered_at_the_third_attempt"],
        *columns,
        "recovered_major",
        "recovered_after_seconds_average",
        "recovery_rate",
    )
    assert rows == [
        [1, 1, 1000, 1, 1, 0, Decimal(0), None, Decimal(0)],
        [2, 1, 1000, 1, 0, 1, Decimal(10), Decimal(2 * DAY), Decimal(1)],
    ]


FUNNEL = ("currency", "failed_count", "advised_count", "retried_count", "recovered_count", "lost_count", "open_count")


@pytest.mark.parametrize(
    ("name", "funnel"),
    [
        ("recovered_at_the_third_attempt", [["USD", 1, 1, 1, 1, 0, 0]]),
        ("never_tried_again", [["USD", 1, 0, 0, 0, 1, 0]]),
        ("failed_lately", [["USD", 1, 1, 0, 0, 0, 1]]),
        ("two_currencies", [["JPY", 1, 1, 1, 1, 0, 0], ["USD", 1, 1, 0, 0, 1, 0]]),
    ],
)
def test_a_claim_is_once_in_the_funnel(
    built: Mapping[str, str], query: Query, name: str, funnel: list[list[Any]]
) -> None:
    assert rows_of(query, "{gold}.recovery_funnel", built[name], *FUNNEL) == funnel


def test_a_dispute_is_one_row_from_its_opening_to_its_end(built: Mapping[str, str], query: Query) -> None:
    columns = ("status", "stage", "category", "most_taken_minor", "taken_minor", "fee_minor", "event_count")
    rows = rows_of(
        query, "{gold}.dispute_lifecycle", built["disputed"], *columns, "open_seconds", "opened_after_seconds"
    )
    assert rows == [["won", "chargeback", "fraud", 1000, 0, 1500, 3, 30.0 * DAY, 10.0 * DAY]]


def test_what_rules_said_is_counted_by_day_and_rule_of_live_events(built: Mapping[str, str], query: Query) -> None:
    columns = ("rule", "broken_count", "undecided_count")
    rows = rows_of(query, "{gold}.rule_verdicts", built["judged"], *columns)
    assert sorted(rows) == [["amount_above_merchant_limit", 1, 1], ["merchant_not_active", 0, 1]]


@pytest.mark.parametrize(
    ("name", "days"),
    [
        (
            "paid_out",
            [
                [date(2025, 3, 1), 1000, 0, 1000, "none"],
                [date(2025, 3, 2), 500, 0, 1500, "none"],
                [date(2025, 3, 3), 0, 1400, 100, "none"],
                [date(2025, 3, 4), 0, 500, -400, "more_paid_than_earned"],
                [date(2025, 3, 5), 0, 0, -400, "payout_failed"],
            ],
        ),
        ("never_paid_out", [[date(2025, 3, 1), 1000, 0, 1000, "not_paid_out"]]),
        (
            "paid_out_in_part",
            [[date(2025, 3, 1), 1000, 0, 1000, "not_paid_out"], [date(2025, 3, 3), 0, 400, 600, "not_paid_out"]],
        ),
        (
            "paid_out_and_given_back",
            [
                [date(2025, 3, 1), 1000, 0, 1000, "none"],
                [date(2025, 3, 3), 0, 1000, 0, "none"],
                [date(2025, 3, 21), -300, 0, -300, "more_paid_than_earned"],
            ],
        ),
        ("paid_out_of_nothing", [[date(2025, 3, 1), 0, 100, -100, "payout_without_payments"]]),
    ],
)
def test_payouts_are_held_against_what_was_earned(
    built: Mapping[str, str], query: Query, name: str, days: list[list[Any]]
) -> None:
    columns = ("balance_date", "earned_minor", "paid_minor", "balance_minor", "break_code")
    assert rows_of(query, "{gold}.payout_reconciliation", built[name], *columns) == days


def test_a_score_is_what_its_explanation_says(built: Mapping[str, str], query: Query) -> None:
    ((month, score, band, said),) = rows_of(
        query, "{gold}.merchant_health_scores", built["disputed"], "score_month", "score", "band", "explanation"
    )
    # Of 100 for success, 0 for disputes, 100 for risk and 100 for refunds; recovery has no figures, and so no weight.
    assert (month, score, band) == (date(2025, 3, 1), Decimal("66.67"), "watch")
    assert said.startswith("success_rate 1.000000 (0 points at 0.60, 100 at 0.95): 100.00 x 35; dispute_rate 1.000000")


def test_money_in_gold_is_the_money_that_was_sent(built: Mapping[str, str], query: Query) -> None:
    expected: dict[str, int] = {}
    for life in PAYMENTS.values():
        last = life.steps[-1].payment
        if last is not None and life.currency is not None and life.livemode:
            expected[life.currency] = expected.get(life.currency, 0) + last["captured_minor"]
    merchants = ", ".join(f"'{built[name]}'" for name in PAYMENTS)
    found = query(
        "select currency, sum(captured_minor) from {gold}.daily_payment_metrics"  # noqa: S608  # ours
        f" where merchant_id in ({merchants}) group by 1"
    )
    assert {currency: amount for currency, amount in found if amount} == {k: v for k, v in expected.items() if v}


def test_an_event_has_what_was_agreed_with_its_merchant_then(built: Mapping[str, str], query: Query) -> None:
    columns = ("provider_created_at", "merchant_version", "merchant_status", "is_allowed_currency")
    more = ("payment_limit_minor", "customer_card_brand")
    rows = rows_of(query, "{silver}.payment_dimensions", built["a_customer"], *columns, *more)
    assert [row[1:] for row in rows] == [
        [0, "unregistered", True, None, "visa"],
        [0, "unregistered", True, None, "visa"],
        [1, "active", True, 2000, None],
        [2, "suspended", True, None, "amex"],
        [2, "suspended", True, None, "amex"],
    ]


def test_a_customer_has_a_row_for_each_change(built: Mapping[str, str], query: Query) -> None:
    columns = ("version", "card_brand", "currency", "is_current")
    assert rows_of(query, "{silver}.customers", built["a_customer"], *columns) == [
        [1, "visa", "USD", False],
        [2, "amex", "USD", False],
        [3, "amex", "EUR", True],
    ]


def test_a_dead_letter_tells_how_its_event_stands(built: Mapping[str, str], query: Query) -> None:
    columns = ("split_part(event_id, '|', 2)", "reason_code", "recoverability", "state", "is_redriven", "is_closed")
    assert rows_of(query, "{silver}.payments_quarantine", built["clock"], *columns) == [
        ["0", "value_unknown", "nothing", "closed", False, True],
        ["1", "value_unknown", "contract", "redriven", True, False],
        ["2", "internal_error", "release", "open", False, False],
        ["3", "none", "unknown", "open", False, False],
    ]


FEATURES = (
    "split_part(payment_id, '|', 1)",
    "merchant_status",
    "customer_payments_24h",
    "customer_payments_before",
    "customer_failures_before",
    "customer_receipts_before",
    "customer_disputes_before",
    "customer_seconds_since_last",
    "customer_received_minor",
    "amount_over_customer_mean",
)


def test_features_are_of_what_was_known(built: Mapping[str, str], query: Query) -> None:
    assert rows_of(query, "{gold}.ml_features", built["a_customer"], *FEATURES) == [
        ["pi_1", "unregistered", 0, 0, 0, 0, 0, None, None, None],
        ["pi_2", "suspended", 0, 1, 1, 1, 1, 2 * DAY, 1000, Decimal(3)],
        ["pi_3", "suspended", 1, 2, 1, 2, 1, 60, None, None],
    ]


def features_of(query: Query, merchant: str) -> dict[str, list[Any]]:
    """Return all features of a merchant's payments, by payment."""
    names = [row[0] for row in query("describe {gold}.ml_features")]
    rows = rows_of(query, "{gold}.ml_features", merchant, *names)
    return {row[names.index("payment_id")].split("|")[0]: row for row in rows}


def test_the_report_shows_what_was_sent(
    built: Mapping[str, str], environment: Mapping[str, str], tmp_path: Path, query: Query
) -> None:
    first, last = ((NOON + timedelta(days=day)).date() for day in (1900, 1939))
    page = make_page(environment, tmp_path / "index.html", first, last)
    # One or two payments of 1.00 each day for forty days, and nothing else then.
    numbers = {"Payments": "60", "Received": "60.00 USD", "Success rate": "100.0 %", "Merchants at risk": "0"}
    assert first_numbers(page) == numbers
    assert built["every_day"] in page
    assert page.count("There is nothing to show for these days.") == 3

    answers = ask_queries(environment, date(2025, 3, 1), date(2025, 3, 31))
    assert [tuple(each.model_dump().values()) for each in answers.quarantine.rows] == [
        ("internal_error", "release", "open", 1),
        ("none", "unknown", "open", 1),
        ("value_unknown", "contract", "redriven", 1),
        ("value_unknown", "nothing", "closed", 1),
    ]
    march = "select currency, sum(recovered_major) from {gold}.recovery_funnel where failed_month = date '2025-03-01'"
    recovered = {each.currency: each.amount_major for each in answers.recovery.rows if each.step == "recovered"}
    assert recovered == dict(query(f"{march} group by 1"))


def test_seeded_faults_are_each_found(
    built: Mapping[str, str], refreshed: ExecuteInProcessResult, query: Query, dbt: Dbt
) -> None:
    doubled, swapped, dense = (built[each] for each in ("failed_lately", "paid_out", "every_day"))
    attempts, metrics = "{silver}.failed_attempts", "{gold}.daily_payment_metrics"
    query(f"insert into {attempts} select * from {attempts} where merchant_id = '{doubled}'")  # noqa: S608  # ours
    query(f"update {{silver}}.payments set currency = 'EUR' where merchant_id = '{swapped}'")  # noqa: S608  # ours
    days = rows_of(query, metrics, dense, "event_date")
    missing, unusual = days[30][0], days[35][0]
    query(f"delete from {metrics} where event_date = date '{missing}'")  # noqa: S608  # ours
    # Enough payments for their currencies to be compared, and many in another one on the day that is unusual.
    query(f"update {metrics} set payment_count = 20 * payment_count where merchant_id = '{dense}'")  # noqa: S608  # ours
    other = "payment_count = 500, currency = 'EUR'"
    query(f"update {metrics} set {other} where event_date = date '{unusual}'")  # noqa: S608  # ours

    expected = {
        "unique_failed_attempts",
        "recovery_is_counted_once",
        "payments_are_made_of_history",
        "payouts_are_held_against_all_payments",
        "gold_agrees_with_silver",
        "expect_row_values_to_have_data_for_every_n_datepart_daily_payment_metrics_event_date",
        "expect_column_values_to_be_within_n_moving_stdevs_daily_payment_metrics_payment_count__event_date",
        "expect_column_kl_divergence_to_be_less_than_daily_payment_metrics_currency__event_date__payment_count",
    }
    checks = checks_of(refreshed)
    assert {name for name in expected if not checks[name].passed} == set()
    loud = dbt("test", "--select", *expected, may_fail=True)
    assert {name for name, status in loud.items() if status in {"fail", "warn"}} == expected


def test_features_stay_when_more_happens(built: Mapping[str, str], query: Query, dbt: Dbt, bronze: Table) -> None:
    # The last test: it leaves the rest of Gold behind Silver.
    merchant = built["a_customer"]
    before = features_of(query, merchant)
    later = [
        failure("pi_4", 3 * DAY, customer_id="cus_1"),
        dispute("dp_2", 3 * DAY, "lost", withdrawn_cents=1000) | {"related_payment_id": "pi_2"},
        receipt("pi_1", 3 * DAY, 9000, customer_id="cus_2", card_brand="jcb", fee_cents=5),
        receipt("pi_3", 3 * DAY, 500, customer_id="cus_1", currency="EUR", refunded_cents=500),
    ]
    append(bronze, [event(merchant, **each) for each in later])
    dbt("run", "--select", "+ml_features")
    after = features_of(query, merchant)
    assert after.keys() - before.keys() == {"pi_4"}
    assert {name: after[name] for name in before} == before
