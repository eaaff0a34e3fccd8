"""Silver's and Gold's tables of recovery, disputes, payouts, health and features, by dbt on the real Trino."""

import uuid
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyiceberg.table import Table

from tests.integration.analytics import NOON, Dbt, Query, append
from tests.integration.contract_lives import PAYMENTS, rows_of_life
from tests.integration.loss_cases import CASES
from tests.integration.payment_cases import event

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

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
        failure("pi_1", 0, related_invoice_id="in_1"),
        receipt("pi_2", DAY, 900, related_invoice_id="in_1"),
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
    "paid_out_of_nothing": [payout("po_1", 0, 100)],
    # What is the newest event of all says by when an attempt is too old to be tried again.
    "clock": [receipt("pi_1", 90 * DAY, processed_at=NOON + timedelta(days=90))],
}


@pytest.fixture(scope="module")
def built(dbt: Dbt, bronze: Table) -> dict[str, str]:
    """Build all layers of the cases here and of the lives of all contracts; return the merchant of each."""
    merchants = {name: f"merch_{uuid.uuid4().hex}" for name in (*EVENTS, *CASES, *PAYMENTS)}
    rows = [event(merchants[name], **each) for name, events in EVENTS.items() for each in events]
    rows += [event(merchants[name], **each) for name, (events, _, _) in CASES.items() for each in events]
    rows += [row for name, life in PAYMENTS.items() for row in rows_of_life(life, merchants[name])]
    append(bronze, rows)
    dbt("build")
    return merchants


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
        if last is not None and life.livemode:
            expected[life.currency] = expected.get(life.currency, 0) + last["captured"]
    merchants = ", ".join(f"'{built[name]}'" for name in PAYMENTS)
    found = query(
        "select currency, sum(captured_minor) from {gold}.daily_payment_metrics"  # noqa: S608  # ours
        f" where merchant_id in ({merchants}) group by 1"
    )
    assert {currency: amount for currency, amount in found if amount} == {k: v for k, v in expected.items() if v}
