"""Asks Trino the saved queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from pydantic import ValidationError

from analytics.errors import AnalyticsError
from analytics.maintenance.lake import AbsentTableError
from analytics.report import rows
from analytics.report.queries import (
    BANDS,
    DECLINES,
    HEALTH,
    QUARANTINE,
    RECOVERY,
    SUCCESS,
    VOLUME,
    Period,
    Query,
)

R = TypeVar("R", bound=rows.Row)


class Records(Protocol):
    """Runs a statement."""

    def records(self, statement: str) -> Sequence[Mapping[str, Any]]:
        """Return its rows by the names of the columns.

        Raises:
            AbsentTableError: A table does not exist.
            Transient: Trino is away.
            Fault: Trino refuses the statement.
        """


@dataclass(frozen=True)
class Answer(Generic[R]):
    """What a query answered: `statement` is what was asked; `is_built` is false where its table does not exist."""

    query: Query[R]
    statement: str
    rows: tuple[R, ...]
    is_built: bool = True


@dataclass(frozen=True)
class Answers:
    """All that the page shows."""

    period: Period
    volume: Answer[rows.Volume]
    success: Answer[rows.Success]
    declines: Answer[rows.Decline]
    recovery: Answer[rows.Recovery]
    health: Answer[rows.Health]
    bands: Answer[rows.Bands]
    quarantine: Answer[rows.Quarantine]


def read(lake: Records, project: Path, period: Period, suffix: str = "") -> Answers:
    """Ask every saved query over a period, of the schemas with a suffix.

    Raises:
        Transient: Trino is away.
        Fault: Trino refuses a query, or its answer has other columns than its class.
    """

    def ask(query: Query[R]) -> Answer[R]:
        statement = query.bound(project, period, suffix)
        try:
            found = lake.records(statement)
        except AbsentTableError:
            return Answer(query, statement, (), is_built=False)
        try:
            return Answer(query, statement, tuple(query.row.model_validate(each) for each in found))
        except ValidationError as error:
            raise AnalyticsError(
                f"The answer to queries/{query.name}.sql is not what analytics.report.rows says: {error}"
            ) from error

    return Answers(
        period,
        ask(VOLUME),
        ask(SUCCESS),
        ask(DECLINES),
        ask(RECOVERY),
        ask(HEALTH),
        ask(BANDS),
        ask(QUARANTINE),
    )
