"""Tables of the operational database come to Bronze, each row once, and what is there is not read again."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from analytics import copies
from analytics.copies import COPIES, Copy, append_missing
from payments_contracts.tables import BRONZE_MERCHANT_TERMS, BRONZE_RECOVERY_ACTIONS
from pydantic import SecretStr
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.memory import InMemoryCatalog
from pyiceberg.schema import Schema
from pyiceberg.table import Table

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TERMS, ACTIONS = COPIES
DSN = SecretStr("nobody")
DEFAULTS: Mapping[str, Any] = {"timestamp with time zone": NOW, "text": "x", "jsonb": [], "boolean": False}


@pytest.fixture
def catalog() -> Iterator[Catalog]:
    catalog = InMemoryCatalog("test")
    catalog.create_namespace("bronze")
    for table in (BRONZE_MERCHANT_TERMS, BRONZE_RECOVERY_ACTIONS):
        catalog.create_table(table.identifier, Schema.model_validate_json(table.schema_json))
    yield catalog
    catalog.close()


class Database:
    """The operational database: what was asked of it, and the rows that it has."""

    def __init__(self) -> None:
        self.rows: list[Mapping[str, Any]] = []
        self.asked: list[datetime | None] = []
        self.read: list[str] = []

    def act(self, action_id: str, at: datetime) -> None:
        self.rows.append(action(action_id, at))

    def answer(self, copy: Copy, since: datetime | None, _dsn: SecretStr) -> Iterator[Mapping[str, Any]]:
        self.asked.append(since)
        for row in sorted(self.rows, key=lambda row: row[copy.time or copy.origin.key[0]]):
            if since is None or copy.time is None or row[copy.time] >= since:
                self.read.append(row[copy.origin.key[0]])
                yield row


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    made = Database()
    monkeypatch.setattr(copies, "_read", made.answer)
    monkeypatch.setattr(copies, "utc_now", lambda: NOW)
    return made


def action(action_id: str, at: datetime) -> dict[str, Any]:
    return dict.fromkeys(column.name for column in ACTIONS.origin.columns) | {
        "action_id": action_id,
        "run_id": "run-1",
        "acted_at": at,
        "actor": "anna",
        "command": "redrive",
        "filter": "{}",
        "event_id": action_id,
        "provider": "stripe",
        "outcome": "sent",
        "reason_codes": [],
        "schema_version": 1,
    }


def copied(catalog: Catalog) -> Sequence[str]:
    table = catalog.load_table(ACTIONS.table.identifier)
    return sorted(table.scan().to_arrow().column("action_id").to_pylist())


def test_each_row_is_copied_once_and_what_bronze_had_a_day_before_is_read_no_more(
    catalog: Catalog, database: Database
) -> None:
    for number in range(100):
        database.act(f"{number:03}", NOW - number * HOUR)
    assert append_missing(ACTIONS, DSN, catalog) == 100
    database.act("new", NOW)
    database.read.clear()
    assert append_missing(ACTIONS, DSN, catalog) == 1
    assert database.asked == [None, NOW - 24 * HOUR]
    assert len(database.read) == 26
    assert append_missing(ACTIONS, DSN, catalog) == 0
    assert len(copied(catalog)) == len(set(copied(catalog))) == 101


def test_a_row_that_is_committed_late_is_copied(catalog: Catalog, database: Database) -> None:
    database.act("first", NOW)
    append_missing(ACTIONS, DSN, catalog)
    database.act("late", NOW - 20 * HOUR)
    assert append_missing(ACTIONS, DSN, catalog) == 1
    assert copied(catalog) == ["first", "late"]


def test_a_clock_that_is_days_ahead_keeps_no_row_from_being_copied(catalog: Catalog, database: Database) -> None:
    database.act("before", NOW - 50 * HOUR)
    append_missing(ACTIONS, DSN, catalog)
    database.act("ahead", NOW + 300 * HOUR)
    append_missing(ACTIONS, DSN, catalog)
    database.act("after", NOW - HOUR)
    assert append_missing(ACTIONS, DSN, catalog) == 1
    assert database.asked == [None, NOW - 74 * HOUR, NOW - 74 * HOUR]
    assert copied(catalog) == ["after", "ahead", "before"]


def test_many_rows_are_appended_in_portions_the_older_ones_first(
    catalog: Catalog, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "_PORTION", 4)
    for number in range(10):
        database.act(f"{number}", NOW - number * HOUR)
    appended: list[list[str]] = []
    append = Table.append

    def noted(self: Table, rows: pa.Table, **options: Any) -> None:
        appended.append(rows.column("action_id").to_pylist())
        append(self, rows, **options)

    monkeypatch.setattr(Table, "append", noted)
    assert append_missing(ACTIONS, DSN, catalog) == 10
    assert appended == [list("9876"), list("5432"), list("10")]


def test_a_table_that_tells_no_time_is_compared_as_a_whole(catalog: Catalog, database: Database) -> None:
    terms = dict.fromkeys(column.name for column in TERMS.origin.columns) | {
        "merchant_id": "merch_1",
        "status": "active",
        "payment_limits": {"EUR": 5},
        "changed_by": "anna",
    }
    for column in TERMS.origin.columns:
        if terms[column.name] is None and column.required:
            terms[column.name] = DEFAULTS.get(column.type, 1)
    database.rows = [terms]
    assert append_missing(TERMS, DSN, catalog) == 1
    database.rows.append(terms | {"version": 2})
    assert append_missing(TERMS, DSN, catalog) == 1
    assert (database.asked, len(database.read)) == ([None, None], 3)


def test_the_database_is_asked_by_time_and_in_its_order() -> None:
    said = copies._question(ACTIONS, NOW).as_string()
    assert said.endswith(
        """ FROM "recovery_actions" WHERE "acted_at" >= '2026-03-01 12:00:00+00:00'::timestamptz ORDER BY "acted_at\""""
    )
    assert copies._question(ACTIONS, None).as_string().endswith(' FROM "recovery_actions" ORDER BY "acted_at"')
    assert copies._question(TERMS, None).as_string().endswith(' FROM "merchant_terms"')
