"""Single events are looked for in Bronze at a cost that does not grow with each audit."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from operations.audit.hops import Event
from operations.audit.lake import LakeRows
from operations.warehouse import Warehouse

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MADE_SINCE = "scored_at >= from_iso8601_timestamp(?)"


class Bronze(Warehouse):
    """Has nothing, and notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[Any]]] = []

    def query(self, statement: str, parameters: Sequence[Any]) -> list[Any]:
        self.asked.append((statement.partition(" where ")[2], list(parameters)))
        return []


@pytest.fixture
def bronze() -> Bronze:
    return Bronze()


def test_what_was_looked_for_everywhere_is_looked_for_in_what_came_since(bronze: Bronze) -> None:
    events = {name: Event(name, NOON) for name in ("new", "followed", "longer")}
    again = {"followed": NOON, "longer": NOON - timedelta(hours=1), "other": NOON - timedelta(days=9)}
    LakeRows(bronze).bronze_of(events, {}, again)
    assert bronze.asked == [
        ("event_id in (?)", ["new"]),
        (f"event_id in (?, ?) and {MADE_SINCE}", ["longer", "followed", "2026-03-01T11:00:00+00:00"]),
    ]


def test_it_is_looked_for_first_where_it_says_that_it_is(bronze: Bronze) -> None:
    events = {"followed": Event("followed", NOON, processed_at=NOON)}
    LakeRows(bronze).bronze_of(events, {}, {"followed": NOON})
    assert [condition for condition, _ in bronze.asked] == [
        "event_id in (?) and processed_at >= from_iso8601_timestamp(?) and processed_at < from_iso8601_timestamp(?)",
        f"event_id in (?) and {MADE_SINCE}",
    ]


def test_what_is_new_is_looked_for_everywhere(bronze: Bronze) -> None:
    LakeRows(bronze).bronze_of({"new": Event("new", NOON)}, {})
    assert bronze.asked == [("event_id in (?)", ["new"])]
