"""An Iceberg table as a target of appends."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import datetime

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError, RESTError
from pyiceberg.expressions import And, BooleanExpression, GreaterThanOrEqual, In, LessThanOrEqual, Reference
from pyiceberg.expressions.literals import literal
from pyiceberg.table import Table, TableProperties
from requests import RequestException

from kit.errors import Fault, Transient
from kit.lake.once import Conflict
from kit.lake.rows import Row, RowEncoder


def open_target(
    catalog: Catalog, identifier: tuple[str, ...], *, key: str, narrow_by: str | None = None, keep_snapshots: int = 10
) -> "IcebergTarget":
    """Load the table and make a target of it; the arguments are those of IcebergTarget.

    Raises:
        Fault: The table does not exist.
        Transient: The catalog does not answer.
    """
    name = ".".join(identifier)
    with _as_transient(name):
        try:
            table = catalog.load_table(identifier)
        except NoSuchTableError as error:
            raise Fault(f"table {name} is not in the catalog: create the tables before starting this") from error
    return IcebergTarget(table, key=key, narrow_by=narrow_by, keep_snapshots=keep_snapshots)


class IcebergTarget:
    """Appends to an Iceberg table on top of the snapshot seen last. To be used by one thread, except `check`.

    Args:
        table: The table, as loaded from its catalog.
        key: Column that identifies a row.
        narrow_by: A timestamp column that is equal for equal keys and that the table is partitioned by; look-ups then
            read only the partitions that the rows fall in.
        keep_snapshots: How many of the newest snapshots expiry leaves.
    """

    def __init__(self, table: Table, *, key: str, narrow_by: str | None = None, keep_snapshots: int = 10) -> None:
        self._table = table
        self._key = key
        self._narrow_by = narrow_by
        self._keep_snapshots = keep_snapshots
        self._schema = table.schema()
        self._encoder = RowEncoder(self._schema.as_arrow())
        self._head = self._current_head()
        self.name = ".".join(table.name())

    def check(self, row: Row) -> None:
        """Raise Rejected if the row does not fit the table, UnknownColumn if a column is missing. Touches no server."""
        self._encoder.check(row)

    def refresh(self) -> bool:
        """See the newest state; tell whether it holds a commit that was not made by `append` here."""
        with _as_transient(self.name):
            self._table.refresh()
        self._follow_schema()
        seen, self._head = self._head, self._current_head()
        return seen != self._head

    def append(self, rows: Sequence[Row]) -> None:
        """Commit the rows on top of the state seen last.

        Raises:
            Conflict: The table has moved since; nothing was appended.
            Transient: The commit may or may not have happened.
        """
        self._forbid_retries()
        with _as_transient(self.name):
            try:
                self._table.append(self._encoder.encode(rows))
            except CommitFailedException as error:
                raise Conflict(str(error)) from error
        self._follow_schema()
        self._head = self._current_head()

    def present(self, rows: Sequence[Row]) -> AbstractSet[str]:
        """Return the keys among those of `rows` that the state seen last holds."""
        with _as_transient(self.name):
            found = self._table.scan(row_filter=self._filter(rows), selected_fields=(self._key,)).to_arrow()
        return frozenset(str(value) for value in found.column(self._key).to_pylist())

    def expire(self) -> int:
        """Drop all but the newest snapshots, except those that a branch or tag needs; return how many.

        Files stay: they are removed by the table's compaction job, which also sees files of failed commits.
        """
        metadata = self._table.metadata
        referenced = {ref.snapshot_id for ref in metadata.refs.values()}
        by_age = sorted(metadata.snapshots, key=lambda snapshot: snapshot.sequence_number or 0)
        old = [snapshot.snapshot_id for snapshot in by_age[: -self._keep_snapshots]]
        doomed = [snapshot_id for snapshot_id in old if snapshot_id not in referenced]
        if doomed:
            with _as_transient(self.name):
                try:
                    self._table.maintenance.expire_snapshots().by_ids(doomed).commit()
                except CommitFailedException as error:
                    raise Transient(f"{self.name}: another writer came first") from error
        return len(doomed)

    def _follow_schema(self) -> None:
        # A table gains columns while it is written to: rows from before then have null in them.
        if self._table.schema() != self._schema:
            self._schema = self._table.schema()
            self._encoder = RowEncoder(self._schema.as_arrow())

    def _current_head(self) -> int | None:
        snapshot = self._table.current_snapshot()
        return None if snapshot is None else snapshot.snapshot_id

    def _forbid_retries(self) -> None:
        # The library would rebase a refused commit on whatever came in between without looking whether that holds the
        # same rows. Only our copy of the properties is changed: the commit does not carry them.
        properties = {**self._table.metadata.properties, TableProperties.COMMIT_NUM_RETRIES: "0"}
        self._table.metadata = self._table.metadata.model_copy(update={"properties": properties})

    def _filter(self, rows: Sequence[Row]) -> BooleanExpression:
        keys: BooleanExpression = In(term=Reference(self._key), literals={literal(str(row[self._key])) for row in rows})
        if self._narrow_by is None:
            return keys
        times = [value for row in rows if isinstance(value := row[self._narrow_by], datetime)]
        at = Reference(self._narrow_by)
        return And(
            keys,
            GreaterThanOrEqual(term=at, value=literal(min(times).isoformat())),
            LessThanOrEqual(term=at, value=literal(max(times).isoformat())),
        )


@contextmanager
def _as_transient(name: str) -> Iterator[None]:
    """Translate what catalog and object store raise. OSError is what Arrow's S3 client raises."""
    try:
        yield
    except (RESTError, RequestException, OSError, NoSuchTableError) as error:
        raise Transient(f"{name}: catalog or object store failed with {type(error).__name__}: {error}") from error
