"""The lake's tables, asked for rows of events, with the snapshot that brought each.

Only files are opened whose partition and bounds may hold the row; what has no known time is searched for from
the newest file back, for a time.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kit.answers import promised
from pyarrow import Table as ArrowTable
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError, RESTError
from pyiceberg.expressions import And, BooleanExpression
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.manifest import DataFile, ManifestEntry
from pyiceberg.schema import Schema
from pyiceberg.table import FileScanTask, ManifestGroupPlanner, Table
from pyiceberg.table.snapshots import Operation
from requests import RequestException

from operations.errors import UnavailableError
from operations.shown import PERSONAL
from operations.trace.facts import Row, Stored

_TOGETHER = 4


@dataclass(frozen=True, slots=True)
class Search:
    """What was found, and from when on all was looked at; None where nothing older is there either."""

    found: list[Stored]
    complete_since: datetime | None


class EventTables:
    """Reads rows of the lake's tables; a table that does not exist has none. For any thread.

    Args:
        connect: Makes a client of the catalog; called at the first question.
        layer_suffix: What dbt was told to put behind the names of its schemas.
    """

    def __init__(self, connect: Callable[[], Catalog], layer_suffix: str = "") -> None:
        self._connect = connect
        self._layer_suffix = layer_suffix
        self._catalog: Catalog | None = None
        self._connecting = threading.Lock()

    def connect(self) -> None:
        """Connect to the catalog.

        Raises:
            Transient: It does not answer.
        """
        with self._connecting:
            if self._catalog is None:
                self._catalog = self._connect()

    def find(
        self,
        table: str,
        among: BooleanExpression,
        columns: Collection[str] | None = None,
        near: Mapping[str, BooleanExpression] | None = None,
    ) -> list[Stored]:
        """Return the rows that an expression finds.

        Args:
            table: Name of the table.
            among: What finds the rows.
            columns: What to read of them, as far as the table has it; all that is not about a person unless said.
            near: What is true of the rows too, by a column that the table may lack; files are left out by it.

        Raises:
            UnavailableError: The catalog or the object store does not answer.
        """
        with _reading(table):
            loaded = self._load(table)
            if loaded is None:
                return []
            present = {field.name for field in loaded.schema().fields}
            for column, narrower in (near or {}).items():
                among = And(among, narrower) if column in present else among
            tasks, brought = _plan(loaded, among)
            return list(_read(loaded, among, columns, tasks, brought))

    def sums(
        self, table: str, among: BooleanExpression, by: Sequence[str], measures: Sequence[str]
    ) -> tuple[list[Row], datetime | None]:
        """Add up the rows that an expression finds, file by file, so that no row becomes an object of Python.

        Args:
            table: Name of the table.
            among: What finds the rows.
            by: Columns whose values are kept apart.
            measures: Columns of whole numbers; a row that has none in it adds nothing, nor does a table that has yet to
                gain the column.

        Returns:
            A row for each file and each combination of `by`, with the sums under the measures' names and how many rows
            there were under `rows`; and when the newest of those rows came (UTC), where no compaction has merged all.

        Raises:
            UnavailableError: The catalog or the object store does not answer.
        """
        with _reading(table):
            loaded = self._load(table)
            if loaded is None:
                return [], None
            present = {field.name for field in loaded.schema().fields}
            summed = [each for each in measures if each in present]
            nothing: Row = dict.fromkeys(measures, 0)
            schema = loaded.schema().select(*by, *summed)
            tasks, brought = _plan(loaded, among)

            def added_up(task: FileScanTask) -> list[Row]:
                rows = _scanned(loaded, among, schema, task)
                grouped = rows.group_by(list(by)).aggregate([*((name, "sum") for name in summed), ([], "count_all")])
                sums: list[Row] = grouped.rename_columns([*by, *summed, "rows"]).to_pylist()
                return [{**nothing, **each} for each in sums]

            with ThreadPoolExecutor(_TOGETHER) as pool:
                found = list(pool.map(added_up, tasks))
            # A compaction brings no rows, and a file whose bounds only span what is wanted has none of them.
            times = (
                _added_at(loaded, brought[task.file.file_path], but_for=Operation.REPLACE)
                for task, rows in zip(tasks, found, strict=True)
                if rows
            )
            return [row for rows in found for row in rows], max((at for at in times if at is not None), default=None)

    def search(self, table: str, among: BooleanExpression, newest_by: str, seconds: float) -> Search:
        """Look for rows from the newest file back, until there are some, or some seconds are over.

        Args:
            table: Name of the table.
            among: What finds the rows.
            newest_by: The column of time by which files are ordered.
            seconds: How long to look.

        Raises:
            UnavailableError: The catalog or the object store does not answer.
        """
        deadline = time.monotonic() + seconds
        with _reading(table):
            loaded = self._load(table)
            if loaded is None:
                return Search([], None)
            tasks, brought = _plan(loaded, among)
            field_id = loaded.schema().find_field(newest_by).field_id
            ordered = sorted(tasks, key=lambda task: _latest(task.file, field_id), reverse=True)
            while ordered and time.monotonic() < deadline:
                group, ordered = ordered[:_TOGETHER], ordered[_TOGETHER:]
                if found := list(_read(loaded, among, None, group, brought)):
                    return Search(found, None)
            return Search([], _latest(ordered[0].file, field_id) if ordered else None)

    def _load(self, table: str) -> Table | None:
        self.connect()
        assert self._catalog is not None  # noqa: S101  # connected above
        layer, _, name = table.partition(".")
        try:
            built = layer in {"silver", "gold"}
            with promised(f"the catalog, asked for {table},", failure=UnavailableError):
                loaded = self._catalog.load_table((f"{layer}{self._layer_suffix}" if built else layer, name))
        except NoSuchTableError:
            return None
        return loaded if loaded.current_snapshot() is not None else None


def _plan(loaded: Table, among: BooleanExpression) -> tuple[list[FileScanTask], dict[str, int]]:
    """Return the files that may hold what is wanted, and by file the snapshot that added it."""
    brought: dict[str, int] = {}

    def note(entry: ManifestEntry) -> bool:
        brought[entry.data_file.file_path] = entry.snapshot_id or 0
        return True

    snapshot = loaded.current_snapshot()
    with promised(".".join(loaded.name()), failure=UnavailableError):
        manifests = [] if snapshot is None else snapshot.manifests(loaded.io)
        planner = ManifestGroupPlanner(loaded.metadata, loaded.io, among)
        return list(planner.plan_files(manifests, note)), brought


def _scanned(loaded: Table, among: BooleanExpression, schema: Schema, task: FileScanTask) -> ArrowTable:
    with promised(".".join(loaded.name()), failure=UnavailableError):
        return ArrowScan(loaded.metadata, loaded.io, schema, among).to_table([task])


def _read(
    loaded: Table,
    among: BooleanExpression,
    columns: Collection[str] | None,
    tasks: Iterable[FileScanTask],
    brought: dict[str, int],
) -> Iterator[Stored]:
    names = [field.name for field in loaded.schema().fields]
    present = [name for name in names if (name not in PERSONAL if columns is None else name in columns)]
    schema = loaded.schema().select(*present)

    def rows_of(task: FileScanTask) -> list[dict[str, Any]]:
        with promised(".".join(loaded.name()), failure=UnavailableError):
            rows: list[dict[str, Any]] = _scanned(loaded, among, schema, task).to_pylist()
        return rows

    chosen = list(tasks)
    with ThreadPoolExecutor(_TOGETHER) as pool:
        for task, rows in zip(chosen, pool.map(rows_of, chosen), strict=True):
            snapshot_id = brought[task.file.file_path]
            at = _added_at(loaded, snapshot_id)
            name = ".".join(loaded.name())
            yield from (Stored(name, row, snapshot_id, at) for row in rows)


def _added_at(loaded: Table, snapshot_id: int, but_for: Operation | None = None) -> datetime | None:
    snapshot = loaded.snapshot_by_id(snapshot_id)
    if snapshot is None or (snapshot.summary is not None and snapshot.summary.operation == but_for):
        return None
    return datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC)


def _latest(file: DataFile, field_id: int) -> datetime:
    bound = (file.upper_bounds or {}).get(field_id)
    micros = 0 if bound is None else int.from_bytes(bound, "little", signed=True)
    return datetime.fromtimestamp(micros / 1_000_000, UTC)


@contextmanager
def _reading(table: str) -> Iterator[None]:
    try:
        yield
    except (OSError, RequestException, RESTError) as error:
        raise UnavailableError(f"{table} cannot be read now ({type(error).__name__})") from error
