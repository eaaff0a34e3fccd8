"""Many small commits to Bronze, as the committer makes them."""

from datetime import UTC, datetime, timedelta

from kit.lake import Pending, load_catalog, open_target
from kit.settings import LakeSettings, load

from tests.performance.lake import payment

ROWS = 4


def commit_events(table: str, first: int, commits: int) -> int:
    """Append so many groups of events to a table, and return the number after the last."""
    catalog = load_catalog(load(LakeSettings))
    target = open_target(catalog, tuple(table.split(".")), key="event_id", narrow_by="provider_created_at")
    at = datetime(2026, 3, 1, tzinfo=UTC)
    number = first
    for _ in range(commits):
        rows = [payment(at + timedelta(seconds=number % 80_000), number + each) for each in range(ROWS)]
        number += ROWS
        target.begin({str(row["event_id"]): Pending(row, target.mark) for row in rows}).step()
    return number
