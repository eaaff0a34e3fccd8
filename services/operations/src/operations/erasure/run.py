"""What an erasure does: find the rows, tell of them, erase them table by table, and record it."""

from collections.abc import Callable, Collection, Iterable
from typing import Literal, Protocol
from uuid import uuid4

from kit.clock import Clock, utc_now
from kit.errors import PipelineError
from payments_contracts.database import ERASURES
from payments_contracts.pins.operations import Erasure

from operations.erasure import store
from operations.erasure.bodies import Condition
from operations.erasure.subject import (
    Counts,
    Kind,
    Known,
    Subject,
    customer_bodies,
    customer_events,
    customer_payments,
    in_order,
    portions_of,
)
from operations.errors import ErasureError


class Lake(Protocol):
    """The lake's tables; see `operations.erasure.lake.LakeErasure`."""

    def columns(self, table: str) -> Collection[str]:
        """Return the names of a table's columns; none where there is no such table."""

    def count(self, table: str, rows: Condition) -> int:
        """Count rows of a table."""

    def values(self, table: str, column: str, rows: Condition) -> list[str]:
        """Return the values of a column of some rows, each once."""

    def erase(self, table: str, *rows: Condition) -> None:
        """Delete rows, one portion after the other, and whatever file still holds them."""


class Database(Protocol):
    """The operational database; see `operations.erasure.store.DatabaseErasure`."""

    def count(self, rows: Condition) -> int:
        """Count rows of events."""

    def erase(self, *rows: Condition) -> None:
        """Delete rows of events, one portion after the other."""

    def record(self, erasure: Erasure) -> None:
        """Add a step to the record of erasures."""


class Plan:
    """The rows of a subject, table by table, as they are found now.

    Raises:
        UnavailableError: A server does not answer.
    """

    def __init__(self, subject: Subject, lake: Lake, database: Database, tables: Iterable[str]) -> None:
        self.subject = subject
        self._lake = lake
        self._database = database
        known = _known(subject, lake) if subject.kind is Kind.CUSTOMER else Known()
        ordered = in_order(list(tables), subject.kind)
        # The database first, since its rows are found by what the lake still holds.
        found = {
            store.TABLE: portions_of(subject, store.COLUMNS, known),
            **{table: portions_of(subject, lake.columns(table), known) for table in ordered},
        }
        self._rows = {table: rows for table, rows in found.items() if rows}

    def counts(self) -> Counts:
        """Count the rows of each table that may hold any."""
        return {table: self._count(table) for table in self._rows}

    def execute(
        self,
        requested_by: str,
        *,
        clock: Clock = utc_now,
        tell: Callable[[str, int], None] = lambda _table, _rows: None,
    ) -> Counts:
        """Erase the rows, record it, and return how many were erased of each table.

        Raises:
            ErasureError: Rows are still there. The record says so; running it again goes on.
            UnavailableError: A server does not answer; as above.
        """
        erasure_id = str(uuid4())
        found = self.counts()

        def record(step: Literal["begun", "done", "failed"], rows: Counts, detail: str | None = None) -> None:
            self._database.record(
                Erasure(
                    erasure_id=erasure_id,
                    step=step,
                    at=clock(),
                    requested_by=requested_by,
                    subject_kind=self.subject.kind.value,
                    subject=self.subject.id,
                    provider=self.subject.provider,
                    rows=dict(rows),
                    detail=detail,
                    schema_version=ERASURES.version,
                )
            )

        record("begun", found)
        erased: dict[str, int] = {}
        try:
            for table, count in found.items():
                # Also where nothing is found: a run that failed after its delete has left files that hold the rows.
                self._erase(table)
                erased[table] = count
                tell(table, count)
            self._require_nothing()
        except BaseException as error:
            # Words that are not the pipeline's own may hold what is to be erased.
            record("failed", erased, str(error) if isinstance(error, PipelineError) else type(error).__name__)
            raise
        record("done", erased)
        return erased

    def _count(self, table: str) -> int:
        if table == store.TABLE:
            return sum(map(self._database.count, self._rows[table]))
        return sum(self._lake.count(table, rows) for rows in self._rows[table])

    def _erase(self, table: str) -> None:
        rows = self._rows[table]
        if table == store.TABLE:
            self._database.erase(*rows)
        else:
            self._lake.erase(table, *rows)
        if left := self._count(table):
            raise ErasureError(f"{left} rows of {table} are there again or still. Run it again.")

    def _require_nothing(self) -> None:
        # A build of Silver that had read the rows before they were erased writes them afterwards.
        if again := [f"{table} has {count}" for table, count in self.counts().items() if count]:
            raise ErasureError(f"Rows were put back meanwhile: {', '.join(again)}. Run it again.")


def _known(subject: Subject, lake: Lake) -> Known:
    table, rows = customer_payments(subject)
    payments = lake.values(table, "payment_id", rows)
    events = {
        event for name, each in customer_events(subject, payments) for event in lake.values(name, "event_id", each)
    }
    named = {event for name, each in customer_bodies(subject) for event in lake.values(name, "event_id", each)}
    return Known(tuple(sorted(events)), tuple(payments), tuple(sorted(named - events)))
