"""The money of today during a rollout, in which the console comes before Silver's next build."""

from pathlib import Path

from operations.console import money
from operations.trace.tables import EventTables
from payments_contracts.tables import SILVER_PAYMENTS

from .tracing import NOW, Pipeline


def test_money_of_today_is_there_while_silver_has_yet_to_gain_a_column(tmp_path: Path) -> None:
    lake, today = Pipeline(tmp_path), NOW.date()
    former = {f"{measure}_minor": 0 for measure in money.SHOWN if measure != "reversed"} | {"captured_minor": 1200}
    lake.append(
        SILVER_PAYMENTS, [{"event_date": today, "livemode": True, "currency": "EUR", "status": "succeeded", **former}]
    )
    (found,) = money.read(EventTables(lambda: lake.catalog), today).money
    assert (found.counts["payment"], found.minor["captured"], found.minor["reversed"]) == (1, 1200, 0)
