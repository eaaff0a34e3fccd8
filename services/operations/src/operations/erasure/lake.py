"""Counts and erases rows of the lake's tables through Trino, until no file holds them."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import stamina
from kit.connection import Endpoint
from kit.lake import history_kept
from kit.lake.table import as_transient
from kit.trino import away, connect
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import BadRequestError, CommitFailedException, NoSuchTableError
from pyiceberg.manifest import ManifestContent
from pyiceberg.table import Table
from requests import RequestException
from trino.exceptions import DatabaseError, Error, HttpError, TrinoQueryError, TrinoUserError

from operations.erasure.bodies import Condition
from operations.errors import ErasureError, ForestalledError, UnavailableError

_ABSENT = frozenset({"TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND"})
_CONFLICT = "ICEBERG_COMMIT_ERROR"
_ATTEMPTS = 6


class Statements(Protocol):
    """Whatever runs statements on the lake."""

    def ask(self, statement: str, values: Sequence[str] = ()) -> list[list[Any]]:
        """Run a statement with its values and return its rows; those of an absent table are none."""


class TrinoStatements:
    """Statements by Trino; connects with the first."""

    def __init__(self, trino: Endpoint, catalog: str) -> None:
        self._connection = connect(trino, catalog=catalog, source="erasure")
        self._address = trino.url

    def ask(self, statement: str, values: Sequence[str] = ()) -> list[list[Any]]:
        """Run a statement with its values and return its rows; those of an absent table are none.

        Raises:
            ForestalledError: Another writer came first.
            UnavailableError: Trino does not answer.
            ErasureError: Trino refuses the statement.
        """
        cursor = self._connection.cursor()
        try:
            cursor.execute(statement, list(values) or None)
            return [list(row) for row in cursor.fetchall()]
        except TrinoUserError as error:
            if error.error_name in _ABSENT:
                return []
            raise ErasureError(f"Trino refuses a statement: {error.message}") from error
        except TrinoQueryError as error:
            if error.error_name == _CONFLICT:
                raise ForestalledError("Another writer changed the table first. Run it again.") from error
            raise ErasureError(f"Trino failed with {error.error_name}: {error.message}") from error
        except (Error, DatabaseError, HttpError, RequestException) as error:
            raise UnavailableError(away(self._address, error)) from error
        finally:
            cursor.close()


class LakeErasure:
    """Erases rows of tables that others write to meanwhile.

    Args:
        statements: What runs statements.
        catalog: Where the tables are.
    """

    def __init__(self, statements: Statements, catalog: Catalog) -> None:
        self._statements = statements
        self._catalog = catalog

    def columns(self, table: str) -> frozenset[str]:
        """Return the names of a table's columns; none where there is no such table."""
        return frozenset(str(row[0]) for row in self._statements.ask(f"describe {table}"))

    def count(self, table: str, rows: Condition) -> int:
        """Count rows of a table."""
        found = self._statements.ask(f"select count(*) from {table} where {rows.text}", rows.values)  # noqa: S608  # the table is of the contracts
        return int(found[0][0]) if found else 0

    def values(self, table: str, column: str, rows: Condition) -> list[str]:
        """Return the values of a column of some rows, each once."""
        found = self._statements.ask(f"select distinct {column} from {table} where {rows.text}", rows.values)  # noqa: S608  # as above
        return sorted(str(row[0]) for row in found if row[0] is not None)

    def erase(self, table: str, *rows: Condition) -> None:
        """Delete rows, one portion after the other, and drop every snapshot and file in which they still are.

        Files that held them are rewritten. Files of earlier merges, which no snapshot names any more, go with the next
        removal of orphans.
        """
        rows_left = [each for each in rows if self.count(table, each)]
        # Whatever the count: an earlier run may have failed after its delete, which hides rows and leaves their files.
        if not rows_left and not self._outdated(table):
            return
        # Trino shows at each commit what has happened to the table since it began, the delete's too.
        with self._history_kept(table):
            for each in rows_left:
                self._insist(f"delete from {table} where {each.text}", each.values)  # noqa: S608  # as above
            outdated = self._outdated(table)
            # A file with deleted rows is rewritten whatever its size.
            self._insist(f"alter table {table} execute optimize(file_size_threshold => '1kB')")
            # A manifest goes on naming the files that a commit removed, with their least and greatest values.
            self._insist(f"alter table {table} execute optimize_manifests")
            self._drop_emptied_manifests(table)
        self._statements.ask(f"alter table {table} execute expire_snapshots(retention_threshold => '0s')")
        self._remove(table, outdated)

    def _insist(self, statement: str, values: Sequence[str] = ()) -> None:
        """Run a statement, again where another writer came first."""
        for attempt in stamina.retry_context(on=ForestalledError, attempts=_ATTEMPTS, timeout=None):
            with attempt:
                self._statements.ask(statement, values)

    def _history_kept(self, table: str) -> AbstractContextManager[None]:
        namespace, _, name = table.partition(".")
        return history_kept(self._catalog, (namespace, name))

    def _drop_emptied_manifests(self, table: str) -> None:
        """Commit nothing to a table that is left empty: with no file to name, its manifests were not rewritten."""
        with _told(table):
            for attempt in stamina.retry_context(on=CommitFailedException, attempts=_ATTEMPTS, timeout=None):
                with attempt:
                    loaded = self._catalog.load_table(tuple(table.split(".")))
                    if not any(True for _ in loaded.scan().plan_files()):
                        loaded.append(loaded.schema().as_arrow().empty_table())

    def _outdated(self, table: str) -> frozenset[str]:
        """Return the data files in which rows are that a query does not find: deleted ones, or those of the past."""
        with _told(table):
            loaded = self._catalog.load_table(tuple(table.split(".")))
            current = {task.file.file_path: bool(task.delete_files) for task in loaded.scan().plan_files()}
            deleted_from = {path for path, has_deletes in current.items() if has_deletes}
            return frozenset(deleted_from | (_named(loaded) - current.keys()))

    def _remove(self, table: str, outdated: Collection[str]) -> None:
        """Remove those of some files that no snapshot names: their snapshots were dropped by the table's writer."""
        with _told(table):
            loaded = self._catalog.load_table(tuple(table.split(".")))
            if still := _named(loaded).intersection(outdated):
                raise ErasureError(
                    f"{len(still)} files of {table} that may hold erased rows are still named by a snapshot, a tag or "
                    "a branch. Run it again; if that does not help, look for tags and branches of the table."
                )
            for path in outdated:
                location = path.replace("s3a://", "s3://", 1)
                if loaded.io.new_input(location).exists():
                    loaded.io.delete(location)


@contextmanager
def _told(table: str) -> Iterator[None]:
    with as_transient(table):
        try:
            yield
        except (NoSuchTableError, BadRequestError) as error:
            raise ErasureError(f"{table}: the catalog refuses with {type(error).__name__}: {error}") from error


def _named(table: Table) -> frozenset[str]:
    """Return the data files that any snapshot names."""
    manifests = {
        manifest.manifest_path: manifest
        for snapshot in table.snapshots()
        for manifest in snapshot.manifests(table.io)
        if manifest.content == ManifestContent.DATA
    }
    return frozenset(
        entry.data_file.file_path
        for manifest in manifests.values()
        for entry in manifest.fetch_manifest_entry(table.io)
    )
