"""Saved queries: over a period, into rows, and in the documents. UPDATE_QUERIES=1 writes docs/queries.md."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from analytics.errors import AnalyticsError
from analytics.maintenance.lake import AbsentTableError
from analytics.report.__main__ import app
from analytics.report.queries import QUERIES, VOLUME, Period, Query, document
from analytics.report.read import Answers, read
from typer.testing import CliRunner

from services.analytics.tests.report_pages import PERIOD, PROJECT

DOCUMENT = Path(__file__).parents[3] / "docs" / "queries.md"


class Told:
    """Answers each statement about a table with rows."""

    def __init__(self, rows: Mapping[str, Sequence[Mapping[str, Any]] | Exception]) -> None:
        self.rows = rows
        self.asked: list[str] = []

    def records(self, statement: str) -> Sequence[Mapping[str, Any]]:
        self.asked.append(statement)
        found = next((rows for name, rows in self.rows.items() if name in statement), ())
        if isinstance(found, Exception):
            raise found
        return found


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_a_query_is_bound_to_a_period_and_to_schemas(query: Query[Any]) -> None:
    bound = query.bound(PROJECT, PERIOD, "_ci7")
    assert "current_date" in query.text(PROJECT)
    assert "current_date" not in bound
    assert "date '2025-03-01'" in bound
    assert "date '2025-03-31'" in bound
    assert "gold_ci7." in bound or "silver_ci7." in bound
    assert " gold." not in bound
    assert " silver." not in bound


def test_a_period_is_ninety_days_and_does_not_end_before_it_begins() -> None:
    assert Period.until_day(date(2025, 3, 31)) == Period(date(2025, 1, 1), date(2025, 3, 31))
    with pytest.raises(AnalyticsError, match="2025-03-02 is after 2025-03-01"):
        Period(date(2025, 3, 2), date(2025, 3, 1))


def test_every_query_is_read() -> None:
    lake = Told({})
    answers = read(lake, PROJECT, PERIOD)
    assert lake.asked == [query.bound(PROJECT, PERIOD) for query in QUERIES]
    assert [getattr(answers, each.name).query for each in fields(Answers)[1:]] == list(QUERIES)


def test_rows_are_read_by_the_names_of_their_columns() -> None:
    row = {
        "currency": "USD",
        "event_date": date(2025, 3, 1),
        "net_major": Decimal(1),
        "captured_major": Decimal(2),
        "payment_count": 3,
    }
    (found,) = read(Told({"captured_major": [row]}), PROJECT, PERIOD).volume.rows
    assert found.model_dump() == row
    with pytest.raises(AnalyticsError, match=r"queries/volume\.sql is not what"):
        read(Told({"captured_major": [row | {"more": 1}]}), PROJECT, PERIOD)


def test_a_table_that_is_not_there_is_told() -> None:
    answers = read(Told({"gold.recovery_funnel": AbsentTableError("no such table")}), PROJECT, PERIOD)
    assert (answers.recovery.is_built, answers.recovery.rows) == (False, ())
    assert answers.volume.is_built


def test_the_document_has_every_query() -> None:
    if os.environ.get("UPDATE_QUERIES"):
        DOCUMENT.write_text(document(PROJECT), encoding="utf-8")
    assert DOCUMENT.read_text(encoding="utf-8") == document(PROJECT)
    assert document(PROJECT).count("```sql") == len(QUERIES)
    assert VOLUME.text(PROJECT) in document(PROJECT)


def test_without_trino_there_is_a_sentence_and_no_page(tmp_path: Path) -> None:
    file = tmp_path / "index.html"
    done = CliRunner().invoke(app, ["--output", str(file)], env={"TRINO_PORT": "1", "TRINO_HOST": "127.0.0.1"})
    assert done.exit_code == os.EX_UNAVAILABLE
    assert "the report was not written: Trino at http://127.0.0.1:1 does not answer" in done.stderr
    assert not file.exists()


def test_a_period_that_ends_before_it_begins_is_refused(tmp_path: Path) -> None:
    arguments = ["--output", str(tmp_path / "index.html"), "--since", "2025-03-02", "--until", "2025-03-01"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1
    assert "2025-03-02 is after 2025-03-01" in done.stderr
