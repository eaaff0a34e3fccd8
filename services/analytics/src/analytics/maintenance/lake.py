"""Statements to Trino, whose failures are told apart."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from kit.errors import Fault, Transient
from kit.lake import history_kept, load_catalog
from kit.settings import LakeSettings, TrinoSettings
from kit.trino import connect, trino_refusal
from pyiceberg.catalog import Catalog
from requests import RequestException
from trino.exceptions import DatabaseError, Error, HttpError, TrinoQueryError, TrinoUserError

Rows = Sequence[Sequence[Any]]

# Another writer forestalled the commit; nothing was changed.
_CONFLICT = "ICEBERG_COMMIT_ERROR"
# It is starting or stopping, or has no room now.
_BUSY = frozenset({"SERVER_STARTING_UP", "SERVER_SHUTTING_DOWN", "NO_NODES_AVAILABLE", "QUERY_QUEUE_FULL"})
_OUT_OF_TIME = frozenset({"EXCEEDED_TIME_LIMIT", "ABANDONED_QUERY", "ADMINISTRATIVELY_KILLED"})
_ABSENT = frozenset({"TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND"})


class AbsentTableError(Fault):
    """The lake has no such table."""


class Lake:
    """The lake's tables, by Trino; connects with the first statement.

    Trino itself ends a statement after `statement_seconds`, also when nobody waits for it any more. `source` is
    the name under which Trino lists the statements.
    """

    def __init__(
        self,
        settings: TrinoSettings,
        *,
        statement_seconds: int,
        source: str = "maintenance",
        open_catalog: Callable[[], Catalog] = lambda: load_catalog(LakeSettings()),
    ) -> None:
        self.catalog = settings.trino_catalog
        self._open_catalog = open_catalog
        self._address = settings.trino.url
        self._connection = connect(
            settings.trino,
            catalog=self.catalog,
            source=source,
            session_properties={"query_max_run_time": f"{statement_seconds}s"},
        )

    def ask(self, statement: str) -> Rows:
        """Run a statement and return its rows.

        Raises:
            AbsentTableError: The table does not exist.
            Transient: Trino is away, or another writer came first: nothing was changed, and the same statement may
                succeed later.
            Fault: Trino refuses the statement, or it took too long.
        """
        return self._ask(statement)[1]

    def records(self, statement: str) -> Sequence[Mapping[str, Any]]:
        """Run a statement and return its rows by the names of the columns; fails as `ask` does."""
        names, rows = self._ask(statement)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def history_kept(self, namespace: str, name: str) -> AbstractContextManager[None]:
        """Have the table's committers keep its history meanwhile.

        Raises:
            Fault: There is no such table.
            Transient: The catalog does not answer.
        """
        return history_kept(self._open_catalog(), (namespace, name))

    def close(self) -> None:
        """End the session."""
        self._connection.close()

    def _ask(self, statement: str) -> tuple[Sequence[str], Rows]:
        with self._told_apart():
            cursor = self._connection.cursor()
            try:
                cursor.execute(statement)
                rows = list(cursor.fetchall())
                return [column.name for column in cursor.description or ()], rows
            finally:
                cursor.close()

    @contextmanager
    def _told_apart(self) -> Iterator[None]:
        try:
            yield
        except TrinoUserError as error:
            if error.error_name in _ABSENT:
                raise AbsentTableError(str(error.message)) from error
            raise Fault(f"Trino refuses the statement: {error.message}") from error
        except TrinoQueryError as error:
            raise self._judge(error) from error
        except (Error, DatabaseError, HttpError, RequestException) as error:
            if (refusal := trino_refusal(error)) is not None:
                raise Transient(f"Trino at {self._address} does not let this program in: {refusal}") from error
            raise Transient(f"Trino at {self._address} does not answer: {type(error).__name__}") from error

    def _judge(self, error: TrinoQueryError) -> Fault | Transient:
        if error.error_name == _CONFLICT:
            return Transient(f"another writer changed the table first: {error.message}")
        if error.error_name in _BUSY:
            return Transient(f"Trino at {self._address} has no room now: {error.error_name}")
        if error.error_name in _OUT_OF_TIME:
            return Fault(f"Trino ended the statement, which took too long: {error.error_name}")
        # The object store or the catalog behind it.
        kind = Transient if error.error_type == "EXTERNAL" else Fault
        return kind(f"Trino failed with {error.error_name}: {error.message}")
