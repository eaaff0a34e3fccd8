"""Asks Trino what a run's events became in the lake."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import trino
from payments_contracts.tables import GOLD_DAILY_PAYMENT_METRICS
from trino.exceptions import TrinoConnectionError, TrinoUserError

from operations.errors import UnavailableError

_BATCH = 500


@dataclass(frozen=True)
class DailyMetric:
    """A row of Gold's daily metrics. `amount` is in major units of `currency`."""

    day: date
    currency: str
    status: str
    payments: int
    amount: Decimal


class Warehouse:
    """Reads Bronze, Silver and Gold through Trino."""

    def __init__(self, host: str, port: int, user: str, catalog: str) -> None:
        """Connect lazily; nothing is asked until a method is called."""
        self._connection = trino.dbapi.connect(  # type: ignore[no-untyped-call]  # the library has no types here
            host=host, port=port, user=user, catalog=catalog
        )
        self._address = f"{host}:{port}"

    def count_events(self, table: str, event_ids: Sequence[str]) -> Counter[str]:
        """Count the rows of `table` for each of the given event ids.

        Raises:
            UnavailableError: Trino does not answer.
        """
        found: Counter[str] = Counter()
        for start in range(0, len(event_ids), _BATCH):
            batch = event_ids[start : start + _BATCH]
            marks = ", ".join("?" * len(batch))
            statement = f"select event_id, count(*) from {table} where event_id in ({marks}) group by event_id"  # noqa: S608  # the table is a constant of ours
            found.update({str(event_id): int(count) for event_id, count in self._query(statement, batch)})
        return found

    def daily_metrics(self, merchant_ids: Sequence[str]) -> list[DailyMetric]:
        """Return Gold's daily metrics of the given merchants, added up over merchants.

        Raises:
            UnavailableError: Trino does not answer.
        """
        marks = ", ".join("?" * len(merchant_ids))
        statement = (
            "select event_date, currency, status, sum(payment_count), sum(amount_major) "  # noqa: S608  # only marks
            f"from {GOLD_DAILY_PAYMENT_METRICS} where merchant_id in ({marks}) group by 1, 2, 3 order by 1, 2, 3"
        )
        return [DailyMetric(*row) for row in self._query(statement, merchant_ids)]

    def _query(self, statement: str, parameters: Sequence[str]) -> list[Any]:
        cursor = self._connection.cursor()
        try:
            cursor.execute(statement, list(parameters))
            return list(cursor.fetchall())
        except TrinoUserError as error:
            if error.error_name in {"TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND"}:
                return []
            raise
        except TrinoConnectionError as error:
            raise UnavailableError(f"Trino at {self._address} does not answer. Is it up? See `make status`.") from error
        finally:
            cursor.close()
