"""Asks Trino what a run's events became in the lake."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from kit.connection import Endpoint
from kit.trino import away, connect
from payments_contracts.tables import GOLD_DAILY_PAYMENT_METRICS, SILVER_PAYMENTS
from trino.exceptions import Error, HttpError, OperationalError, TrinoQueryError

from operations.errors import DeploymentError, UnavailableError
from operations.ledger import PaymentKey
from operations.money import MEASURES, Fact, Facts, State, States, Totals

_BATCH = 500
_ABSENT: Final = frozenset({"TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND"})
# What passes by itself, or with a server behind Trino: its catalog, its object store, its workers, its memory.
_AWAY: Final = frozenset({"EXTERNAL", "INTERNAL_ERROR", "INSUFFICIENT_RESOURCES"})
_SUMMED = tuple(measure for measure in MEASURES if measure != "asked")
_SUMS = ", ".join(f"sum({measure}_minor)" for measure in _SUMMED)


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

    def __init__(self, trino: Endpoint, catalog: str) -> None:
        """Connect lazily; nothing is asked until a method is called."""
        self._connection = connect(trino, catalog=catalog)
        self._address = trino.url

    def count_events(self, table: str, event_ids: Sequence[str]) -> Counter[str]:
        """Count the rows of `table` for each of the given event ids.

        Raises:
            UnavailableError: Trino does not answer.
        """
        found: Counter[str] = Counter()
        for start in range(0, len(event_ids), _BATCH):
            batch = event_ids[start : start + _BATCH]
            statement = f"select event_id, count(*) from {table} where event_id in ({_marks(batch)}) group by event_id"  # noqa: S608  # the table is a constant of ours
            found.update({str(event_id): int(count) for event_id, count in self.query(statement, batch)})
        return found

    def read_facts(self, table: str, amount: str, event_ids: Sequence[str]) -> Facts:
        """Return what the rows of `table` say of money, by event id; `amount` is the column with it.

        Raises:
            UnavailableError: Trino does not answer.
        """
        found: defaultdict[str, Counter[Fact]] = defaultdict(Counter)
        for start in range(0, len(event_ids), _BATCH):
            batch = event_ids[start : start + _BATCH]
            statement = (
                f"select event_id, currency, {amount}, status, livemode, count(*) from {table} "  # noqa: S608  # constants of ours
                f"where event_id in ({_marks(batch)}) group by 1, 2, 3, 4, 5"
            )
            for event_id, currency, number, status, livemode, count in self.query(statement, batch):
                found[event_id][Fact(currency, number, status, livemode)] += int(count)
        return found

    def read_payments(self, keys: Sequence[PaymentKey]) -> States:
        """Return the rows of Silver's payments, by payment.

        Raises:
            UnavailableError: Trino does not answer.
        """
        wanted = set(keys)
        found: defaultdict[PaymentKey, list[State]] = defaultdict(list)
        amounts = ", ".join(f"{measure}_minor" for measure in MEASURES)
        for start in range(0, len(keys), _BATCH):
            batch = [payment_id for _, payment_id in keys[start : start + _BATCH]]
            statement = (
                f"select provider, payment_id, currency, livemode, status, {amounts} "  # noqa: S608  # constants of ours
                f"from {SILVER_PAYMENTS} where payment_id in ({_marks(batch)})"
            )
            for provider, payment_id, currency, livemode, status, *numbers in self.query(statement, batch):
                if (provider, payment_id) in wanted:
                    state = State(currency, livemode, status, dict(zip(MEASURES, map(int, numbers), strict=True)))
                    found[provider, payment_id].append(state)
        return found

    def total_payments(self, merchant_ids: Sequence[str], *, livemode: bool) -> Totals:
        """Add up Silver's payments of some merchants, live or not, by currency; what was never told is no payment.

        Raises:
            UnavailableError: Trino does not answer.
        """
        which = "livemode" if livemode else "not livemode"
        return self._totals(f"count_if(is_told), {_SUMS} from {SILVER_PAYMENTS} where {which} and", merchant_ids)

    def total_metrics(self, table: str, merchant_ids: Sequence[str]) -> Totals:
        """Add up one of Gold's tables of metrics for some merchants, by currency.

        Raises:
            UnavailableError: Trino does not answer.
        """
        return self._totals(f"sum(payment_count), {_SUMS} from {table} where", merchant_ids)

    def _totals(self, which: str, merchant_ids: Sequence[str]) -> Totals:
        if not merchant_ids:
            return {}
        statement = f"select currency, {which} merchant_id in ({_marks(merchant_ids)}) group by 1"
        return {
            currency: Counter(dict(zip(("count", *_SUMMED), map(int, numbers), strict=True)))
            for currency, *numbers in self.query(statement, merchant_ids)
        }

    def daily_metrics(self, merchant_ids: Sequence[str]) -> list[DailyMetric]:
        """Return Gold's daily metrics of the given merchants, added up over merchants.

        Raises:
            UnavailableError: Trino does not answer.
        """
        statement = (
            "select event_date, currency, status, sum(payment_count), sum(amount_major) "  # noqa: S608  # only marks
            f"from {GOLD_DAILY_PAYMENT_METRICS} where merchant_id in ({_marks(merchant_ids)}) "
            "group by 1, 2, 3 order by 1, 2, 3"
        )
        return [DailyMetric(*row) for row in self.query(statement, merchant_ids)]

    def query(self, statement: str, parameters: Sequence[str]) -> list[Any]:
        """Return the rows of a statement of ours; none where its table does not exist yet.

        Raises:
            UnavailableError: Trino or the lake behind it does not answer.
            DeploymentError: Trino refuses the statement.
        """
        return self._run(statement, parameters)[1]

    def records(self, statement: str, parameters: Sequence[str]) -> list[dict[str, Any]]:
        """Return the same with the names of the columns.

        Raises:
            UnavailableError: Trino or the lake behind it does not answer.
            DeploymentError: Trino refuses the statement.
        """
        names, rows = self._run(statement, parameters)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _run(self, statement: str, parameters: Sequence[str]) -> tuple[list[str], list[Any]]:
        try:
            with closing(self._connection.cursor()) as cursor:
                cursor.execute(statement, list(parameters))
                rows = list(cursor.fetchall())
                return [column.name for column in cursor.description or ()], rows
        except TrinoQueryError as error:
            if error.error_name in _ABSENT:
                return [], []
            if error.error_type in _AWAY:
                raise UnavailableError(
                    f"Trino at {self._address} failed with {error.error_name}: {error.message}. "
                    "Is the lake up? See `make status`."
                ) from error
            raise DeploymentError(f"Trino refuses a statement with {error.error_name}: {error.message}") from error
        except (OperationalError, HttpError, OSError) as error:
            raise UnavailableError(away(self._address, error)) from error
        except Error as error:
            raise DeploymentError(f"Trino at {self._address} cannot be asked: {error}") from error


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
