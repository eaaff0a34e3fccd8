"""The operational database: one row per event, in the table that contracts/database declares.

The table is made and evolved by `payments database apply`; here nothing is. A role that may insert and select is
enough.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import psycopg
import structlog
from kit.errors import Fault, PipelineError, Rejected, Transient
from kit.postgres import refusal
from payments_contracts.database import PAYMENT_EVENTS, Table
from payments_contracts.pins.orchestrator import PaymentEvent, ScoredPayment
from psycopg import AsyncConnection, AsyncRawCursor
from pydantic import SecretStr

from orchestrator.history import History, Question, attempt
from orchestrator.inquiries import Rows
from orchestrator.metrics import DATABASE_ROWS, DATABASE_ROWS_MENDED, DATABASE_ROWS_REJECTED
from orchestrator.row import REFUSED, RowWriter, storable

_log = structlog.get_logger(__name__)

_CONNECT_TIMEOUT_SECONDS = 3
# Below the activity's own limit, so that it is Postgres that gives up and the connection stays as good as it was.
_STATEMENT_TIMEOUT = "4s"
_PRESENT = "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped"
_REMEDY = "run `payments database apply`"

# https://www.postgresql.org/docs/current/errcodes-appendix.html, by the first two characters: data exceptions,
# violated constraints, limits of the server such as the size of an index entry.
_OF_THE_ROW = frozenset({"22", "23", "54"})
# Connection, rollback of a transaction, resources, intervention of an operator.
_OF_THE_MOMENT = frozenset({"08", "40", "53", "57"})
_READ_ONLY = "25006"
_NULL_REFUSED = "23502"
# The server's words hold no value where it is not set up to log parameters; only the number is taken from them.
_PARAMETER = re.compile(r"parameter \$(\d+)")

_Connection = AsyncConnection[tuple[Any, ...]]


class PostgresStore:
    """Keeps scored payments in Postgres, over one connection that is made when needed and again after a failure."""

    def __init__(self, dsn: SecretStr, table: Table = PAYMENT_EVENTS) -> None:
        """Take the address of the database; `table` holds the record that `put` is given."""
        self._dsn = dsn
        self._table = table
        self._writer = RowWriter(table)
        self._history = History(table)
        self._connection: _Connection | None = None
        self._opening: asyncio.Task[_Connection] | None = None

    async def check(self, more: Callable[[], Awaitable[None]] | None = None) -> None:
        """Hold the table against its contract, and do `more`; of a database that is away the log tells.

        Raises:
            Fault: The table or a column is missing, or the role may not select; the message says what to do.
        """
        try:
            for question in self._history.permissions:
                await self._answer(question)
            if more is not None:
                await more()
        except Transient as error:
            _log.warning("table_not_checked", reason=str(error))

    async def put(self, payment: ScoredPayment) -> None:
        """Insert the row, unless one of the same event is there: that one stays, with the score that it was given.

        An event that is processed twice changes nothing. Within Kafka's retention the workflow's id sees to that; one
        that is delivered again after Temporal has forgotten it is scored anew, and must not overwrite the score on
        which somebody may have acted.

        Raises:
            Rejected: Postgres refuses the row for what is in it; it would do so for ever.
            Transient: The database is away, busy or read-only.
            Fault: The table is not as the contract says, or the role may not insert.
        """
        try:
            row = self._writer.row(payment)
            connection = await self._connected()
            cursor = await connection.execute(self._table.insert, row.parameters, prepare=True)
        except psycopg.Error as error:
            failure = self._failure(error)
            # Not `from error`: the server's words may quote the row.
            raise self._counted(failure) from None
        except Rejected as failure:
            raise self._counted(failure) from None
        DATABASE_ROWS.labels(outcome="stored" if cursor.rowcount else "unchanged").inc()
        if row.mended and cursor.rowcount:
            DATABASE_ROWS_MENDED.inc()

    async def attempts(self, event: PaymentEvent) -> int | None:
        """Return which attempt at its payment or invoice an event says has failed, from 1; None for one of no object.

        Raises:
            Transient: The database is away or busy.
            Fault: The table is not as the contract says, or the role may not select.
        """
        return attempt([(each, await self._answer(each)) for each in self._history.questions(event)])

    async def rows(self, statement: str, parameters: Sequence[Sequence[str | None]]) -> Rows:
        """Return the rows of a statement whose parameters are lists of texts.

        Raises:
            Transient: The database is away or busy.
            Fault: A table is not as its contract says, or the role may not select.
        """
        lists = [[None if each is None else storable(each) for each in values] for values in parameters]
        try:
            connection = await self._connected()
            cursor = await connection.execute(statement, lists, prepare=True)
            return await cursor.fetchall()
        except psycopg.Error as error:
            # Not `from error`: the server's words may quote the parameters.
            raise self._failure(error, "select from") from None

    async def _answer(self, question: Question) -> int | None:
        parameters = [None if each is None else storable(each) for each in question.parameters]
        try:
            connection = await self._connected()
            cursor = await connection.execute(question.statement, parameters, prepare=True)
            row = await cursor.fetchone()
        except psycopg.Error as error:
            # Not `from error`: the server's words may quote the parameters.
            raise self._failure(error, "select from") from None
        return None if row is None else row[0]

    async def close(self) -> None:
        """Close the connection."""
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.cancel()
            with suppress(asyncio.CancelledError, PipelineError):
                await opening
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _connected(self) -> _Connection:
        """Return the connection; all who wait for a new one share one attempt at it."""
        if self._connection is not None and not self._connection.closed:
            return self._connection
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
            self._opening.add_done_callback(self._opened)
        # One who gives up waiting does not end the attempt for the others.
        return await asyncio.shield(self._opening)

    def _opened(self, opening: asyncio.Task[_Connection]) -> None:
        if self._opening is opening:
            self._opening = None
        if not opening.cancelled():
            # Nobody may be left to whom this matters; asyncio would complain.
            opening.exception()

    async def _open(self) -> _Connection:
        try:
            connection = await AsyncConnection.connect(
                self._dsn.get_secret_value(),
                autocommit=True,
                connect_timeout=_CONNECT_TIMEOUT_SECONDS,
                cursor_factory=AsyncRawCursor,
            )
        except psycopg.OperationalError as error:
            why = refusal(error) or type(error).__name__
            raise Transient(f"the operational database is away: {why}") from error
        try:
            await connection.execute("SELECT set_config('statement_timeout', $1, false)", [_STATEMENT_TIMEOUT])
            cursor = await connection.execute(_PRESENT, [f'"{self._table.name}"'])
            self._compare({str(name) for (name,) in await cursor.fetchall()})
        except psycopg.Error as error:
            await connection.close()
            raise self._failure(error) from error
        except BaseException:
            await connection.close()
            raise
        self._connection = connection
        return connection

    def _compare(self, present: set[str]) -> None:
        if not present:
            raise Fault(f"the operational database has no table {self._table.name}: {_REMEDY}")
        missing = [column.name for column in self._table.columns if column.name not in present]
        if missing:
            raise Fault(f"{self._table.name} of the operational database lacks {', '.join(missing)}: {_REMEDY}")

    def _counted(self, failure: PipelineError) -> PipelineError:
        if isinstance(failure, Rejected):
            DATABASE_ROWS_REJECTED.inc()
        return failure

    def _failure(self, error: psycopg.Error, wish: str = "insert into") -> PipelineError:
        """Return what an error of Postgres or its driver means, without a word of the row."""
        code = error.sqlstate
        if code is None:
            if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
                return Transient(f"the operational database is away: {type(error).__name__}")
            return Fault(f"the driver of the operational database fails: {type(error).__name__}")
        place = self._place(error)
        if code == _NULL_REFUSED and place not in {column.name for column in self._table.columns}:
            return Fault(
                f"{place} of {self._table.name} must have a value and is not in the contract: drop it, or its NOT NULL"
            )
        said = f"SQLSTATE {code}{f' at {place}' if place else ''}"
        if code[:2] in _OF_THE_ROW:
            return Rejected(f"the operational database refuses the row: {said}", REFUSED)
        if code[:2] in _OF_THE_MOMENT or code == _READ_ONLY:
            return Transient(f"the operational database is away or busy: {said}")
        return Fault(
            f"the operational database refuses to {wish} {self._table.name}: {said}; {_REMEDY}, and grant the role of "
            "this service INSERT and SELECT"
        )

    def _place(self, error: psycopg.Error) -> str:
        """Return the column or index that an error is about, empty where that cannot be told."""
        if error.diag.column_name:
            return error.diag.column_name
        found = _PARAMETER.search(error.diag.context or "")
        if found and 0 < int(found[1]) <= len(self._table.columns):
            return self._table.columns[int(found[1]) - 1].name
        names = (f"{self._table.name}_pkey", *(index.name for index in self._table.indexes))
        return next((name for name in names if f'"{name}"' in (error.diag.message_primary or "")), "")
