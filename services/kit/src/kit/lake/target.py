"""An Iceberg table as a target of appends."""

from collections.abc import Mapping

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table import Table

from kit.errors import Fault
from kit.lake.history import Mark
from kit.lake.rows import Row
from kit.lake.table import LakeTable, as_transient
from kit.lake.write import GroupWrite, Pending


def open_target(
    catalog: Catalog,
    identifier: tuple[str, ...],
    *,
    key: str,
    narrow_by: str | None = None,
    followed_by: str | None = None,
    keep_snapshots: int = 10,
    expire_every: int = 1,
) -> "IcebergTarget":
    """Load the table and make a target of it; the arguments are those of IcebergTarget.

    Raises:
        Fault: The table does not exist, or cannot be written to in this way.
        Transient: The catalog does not answer.
    """
    name = ".".join(identifier)
    with as_transient(name):
        try:
            table = catalog.load_table(identifier)
        except NoSuchTableError as error:
            raise Fault(f"table {name} is not in the catalog: create the tables before starting this") from error
    return IcebergTarget(
        table,
        key=key,
        narrow_by=narrow_by,
        followed_by=followed_by,
        keep_snapshots=keep_snapshots,
        expire_every=expire_every,
    )


class IcebergTarget:
    """Appends to an Iceberg table. To be used by one thread at a time, except `check` and `mark`.

    Args:
        table: The table, as loaded from its catalog.
        key: Column that identifies a row.
        narrow_by: A time column that is equal for equal keys; look-ups then read only files of those times.
        followed_by: A time column that is no more than a day before that one; where the table is partitioned by it,
            look-ups leave out the partitions before.
        keep_snapshots: How many of the newest snapshots a commit leaves. What other branches and tags need stays, too.
        expire_every: How many snapshots beyond those have to be there before a commit drops them.

    Raises:
        Fault: The table lacks the columns, or is not of format version 2.
    """

    def __init__(
        self,
        table: Table,
        *,
        key: str,
        narrow_by: str | None = None,
        followed_by: str | None = None,
        keep_snapshots: int = 10,
        expire_every: int = 1,
    ) -> None:
        self._table = LakeTable(
            table,
            key=key,
            narrow_by=narrow_by,
            followed_by=followed_by,
            keep_snapshots=keep_snapshots,
            expire_every=expire_every,
        )
        self.name = self._table.name

    @property
    def mark(self) -> Mark:
        """The newest state of the table that was seen here. Touches no server."""
        return self._table.history.mark

    def check(self, row: Row) -> None:
        """Raise Rejected if the row does not fit the table, UnknownColumn if a column is missing. Touches no server."""
        self._table.encoder.check(row)

    def refresh(self) -> None:
        """See the newest state.

        Raises:
            Transient: The catalog does not answer.
            Fault: The table is not there any more, or another one of its name is.
        """
        self._table.refresh()

    def begin(self, rows: Mapping[str, Pending], properties: Mapping[str, str] | None = None) -> GroupWrite:
        """Start to write rows, given by key, in one commit, with properties for its snapshot's summary."""
        return GroupWrite(self._table, rows, properties or {})
