"""Whose rows are erased, in which order, and what is recorded of it."""

from collections.abc import Collection
from datetime import UTC, datetime
from types import SimpleNamespace
from unittest.mock import MagicMock

import psycopg
import pytest
from operations.erasure import store
from operations.erasure.bodies import Condition
from operations.erasure.run import Plan
from operations.erasure.subject import Kind, Known, Subject, in_order, rows_of
from operations.errors import DeploymentError, ErasureError, UnavailableError
from payments_contracts.pins.operations import Erasure
from psycopg import sql
from pydantic import SecretStr

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
COLUMNS = {
    "bronze.provider_events": {"event_id", "provider", "merchant_id", "payload"},
    "bronze.payment_events": {"event_id", "provider", "merchant_id", "customer_id"},
    "silver.payment_history": {"event_id", "provider", "merchant_id", "customer_id", "payment_id"},
    "gold.daily_payment_metrics": {"provider", "merchant_id"},
    "silver.absent": set(),
}


class FakeLake:
    """Tables with so many rows of whoever is asked for; erasing takes them away."""

    def __init__(self, rows: dict[str, int]) -> None:
        self.rows = rows
        self.erased: list[str] = []
        self.asked: list[Condition] = []
        self.stubborn = False

    def columns(self, table: str) -> Collection[str]:
        return COLUMNS[table]

    def count(self, table: str, rows: Condition) -> int:
        self.asked.append(rows)
        return self.rows.get(table, 0)

    def values(self, table: str, column: str, rows: Condition) -> list[str]:
        self.asked.append(rows)
        return [f"{column} of {table}"]

    def erase(self, table: str, *rows: Condition) -> None:
        self.erased.append(table)
        if table == "bronze.payment_events" and self.stubborn:
            raise UnavailableError("Trino does not answer.")
        self.rows[table] = 0


class FakeDatabase:
    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.steps: list[Erasure] = []

    def count(self, rows: Condition) -> int:
        return self.rows

    def erase(self, *rows: Condition) -> None:
        self.rows = 0

    def record(self, erasure: Erasure) -> None:
        self.steps.append(erasure)


def test_a_merchants_rows_are_those_with_the_id_and_bodies_without_a_merchant_that_name_it() -> None:
    found = rows_of(Subject(Kind.MERCHANT, "m1"), COLUMNS["bronze.provider_events"], Known())
    assert found == Condition(
        "(merchant_id = ? or ((merchant_id is null or merchant_id = '') and strpos(from_utf8(payload), ?) > 0))",
        ("m1", '"m1"'),
    )


def test_a_provider_narrows_every_condition() -> None:
    found = rows_of(Subject(Kind.MERCHANT, "m1", "square"), {"merchant_id", "provider"}, Known())
    assert found == Condition("((merchant_id = ?) and provider = ?)", ("m1", "square"))


def test_a_customers_raw_events_are_found_by_their_ids_and_by_what_the_bodies_say() -> None:
    known = Known(("e1", "e2"), ("p1",))
    found = rows_of(Subject(Kind.CUSTOMER, 'c"1'), COLUMNS["bronze.provider_events"], known)
    assert found is not None
    assert found.text.startswith("(strpos(from_utf8(payload), ?) > 0 or ")
    assert found.text.endswith(" or event_id in (?, ?))")
    assert found.values == ('"c\\"1"', "=c%221&", "%22c%221%22", "e1", "e2")


def test_tables_without_a_column_of_the_subject_hold_nothing_of_it() -> None:
    assert rows_of(Subject(Kind.CUSTOMER, "c"), COLUMNS["gold.daily_payment_metrics"], Known(("e",))) is None
    assert rows_of(Subject(Kind.MERCHANT, "m"), {"day"}, Known()) is None
    # Terms and scores are of a merchant at all providers.
    assert rows_of(Subject(Kind.MERCHANT, "m", "square"), {"merchant_id", "score"}, Known()) is None


def test_what_customers_are_found_by_goes_last() -> None:
    assert in_order(COLUMNS, Kind.CUSTOMER)[-2:] == ["bronze.payment_events", "silver.payment_history"]


def test_a_merchants_rows_go_first_where_others_are_built_from() -> None:
    tables = ["gold.a", "silver.a", "bronze.payment_events", "bronze.a", "silver.payment_history"]
    assert in_order(tables, Kind.MERCHANT) == [
        "bronze.a",
        "bronze.payment_events",
        "silver.a",
        "silver.payment_history",
        "gold.a",
    ]


def test_counting_erases_and_records_nothing() -> None:
    lake, database = FakeLake({"bronze.provider_events": 3}), FakeDatabase(2)
    plan = Plan(Subject(Kind.MERCHANT, "m1"), lake, database, COLUMNS)
    counts = plan.counts()
    assert {table: count for table, count in counts.items() if count} == {store.TABLE: 2, "bronze.provider_events": 3}
    assert (lake.erased, database.steps) == ([], [])


def test_every_table_with_rows_is_erased_and_both_steps_are_recorded() -> None:
    lake = FakeLake({"bronze.provider_events": 3, "bronze.payment_events": 1})
    database = FakeDatabase(2)
    plan = Plan(Subject(Kind.CUSTOMER, "c1", "stripe"), lake, database, COLUMNS)
    erased = plan.execute("ann", clock=lambda: NOON)
    # Also those without rows: an earlier run may have failed between deleting them and their files.
    assert lake.erased == ["bronze.provider_events", "bronze.payment_events", "silver.payment_history"]
    assert {table: count for table, count in erased.items() if count} == {
        store.TABLE: 2,
        "bronze.provider_events": 3,
        "bronze.payment_events": 1,
    }
    begun, done = database.steps
    assert (begun.step, done.step, begun.erasure_id == done.erasure_id) == ("begun", "done", True)
    assert (done.requested_by, done.subject_kind, done.subject, done.provider) == ("ann", "customer", "c1", "stripe")
    assert done.rows == erased


def test_a_failure_half_way_is_recorded_with_what_was_erased_and_raised() -> None:
    lake, database = FakeLake({"bronze.provider_events": 3, "bronze.payment_events": 1}), FakeDatabase(0)
    lake.stubborn = True
    plan = Plan(Subject(Kind.CUSTOMER, "m1"), lake, database, COLUMNS)
    with pytest.raises(UnavailableError):
        plan.execute("ann", clock=lambda: NOON)
    failed = database.steps[-1]
    assert (failed.step, failed.detail) == ("failed", "Trino does not answer.")
    assert failed.rows["bronze.provider_events"] == 3
    assert "bronze.payment_events" not in failed.rows


def test_what_failed_after_its_rows_were_deleted_is_completed_by_running_it_again() -> None:
    class Interrupted(FakeLake):
        def erase(self, table: str, *rows: Condition) -> None:
            before, self.rows[table] = self.rows[table], 0
            if before:
                raise UnavailableError("Trino does not answer.")
            self.erased.append(table)

    lake, database = Interrupted({"bronze.provider_events": 3, "bronze.payment_events": 0}), FakeDatabase(0)
    plan = Plan(Subject(Kind.MERCHANT, "m1"), lake, database, list(lake.rows))
    with pytest.raises(UnavailableError):
        plan.execute("ann", clock=lambda: NOON)
    plan.execute("ann", clock=lambda: NOON)
    assert set(lake.erased) == set(lake.rows)
    assert database.steps[-1].step == "done"


def test_rows_that_are_there_again_are_told_and_not_passed_over() -> None:
    class Refilled(FakeLake):
        def erase(self, table: str, *rows: Condition) -> None:
            self.rows[table] = 1

    database = FakeDatabase(0)
    plan = Plan(Subject(Kind.CUSTOMER, "m1"), Refilled({"bronze.provider_events": 3}), database, COLUMNS)
    with pytest.raises(ErasureError, match=r"1 rows of bronze\.provider_events"):
        plan.execute("ann", clock=lambda: NOON)
    assert database.steps[-1].step == "failed"


def test_rows_that_a_build_puts_back_behind_the_erasure_keep_it_from_being_done() -> None:
    class Built(FakeLake):
        def erase(self, table: str, *rows: Condition) -> None:
            super().erase(table, *rows)
            if table == "silver.payment_history":
                self.rows["bronze.provider_events"] = 2

    database = FakeDatabase(0)
    lake = Built({"bronze.provider_events": 3})
    plan = Plan(Subject(Kind.MERCHANT, "m1"), lake, database, COLUMNS)
    with pytest.raises(ErasureError, match=r"bronze\.provider_events has 2\. Run it again"):
        plan.execute("ann", clock=lambda: NOON)
    assert [step.step for step in database.steps] == ["begun", "failed"]
    assert database.steps[-1].rows["bronze.provider_events"] == 3


@pytest.mark.parametrize("stops", [KeyboardInterrupt(), RuntimeError("m1 is in here")])
def test_whatever_ends_it_is_on_record_without_words_that_may_hold_data(stops: BaseException) -> None:
    class Stopped(FakeLake):
        def erase(self, table: str, *rows: Condition) -> None:
            raise stops

    database = FakeDatabase(0)
    plan = Plan(Subject(Kind.MERCHANT, "m1"), Stopped({"bronze.provider_events": 3}), database, COLUMNS)
    with pytest.raises(type(stops)):
        plan.execute("ann", clock=lambda: NOON)
    assert (database.steps[-1].step, database.steps[-1].detail) == ("failed", type(stops).__name__)


@pytest.mark.parametrize(("severity", "told"), [("WARNING", "permission denied to vacuum"), ("INFO", "")])
def test_that_the_server_did_not_reclaim_the_pages_is_kept_to_be_told(
    monkeypatch: pytest.MonkeyPatch, severity: str, told: str
) -> None:
    connection = MagicMock()
    opened = connection.__enter__.return_value
    connection.__exit__.return_value = False
    said: list[str] = []

    def execute(statement: sql.Composable, _values: object = ()) -> None:
        text = statement.as_string(None)
        said.append(text.split()[0])
        if text.startswith("VACUUM"):
            notice = SimpleNamespace(severity_nonlocalized=severity, message_primary="permission denied to vacuum")
            opened.add_notice_handler.call_args[0][0](notice)

    opened.execute.side_effect = execute
    monkeypatch.setattr(psycopg, "connect", lambda *_args, **_options: connection)
    database = store.DatabaseErasure(SecretStr("postgresql://"))
    database.erase(Condition("event_id = ?", ("e1",)), Condition("event_id = ?", ("e2",)))
    assert (said, database.unreclaimed) == (["DELETE", "DELETE", "VACUUM"], told)


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (psycopg.errors.UndefinedTable("no"), "lacks a table"),
        (psycopg.errors.InsufficientPrivilege("no"), "may not"),
    ],
)
def test_a_database_that_was_not_prepared_is_a_fault_of_the_deployment(
    monkeypatch: pytest.MonkeyPatch, raised: Exception, words: str
) -> None:
    connection = MagicMock()
    connection.__enter__.return_value.execute.side_effect = raised
    connection.__exit__.return_value = False
    monkeypatch.setattr(psycopg, "connect", lambda *_args, **_options: connection)
    database = store.DatabaseErasure(SecretStr("postgresql://"))
    with pytest.raises(DeploymentError, match=words):
        database.erase(Condition("merchant_id = ?", ("m1",)))
