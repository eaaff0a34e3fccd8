"""A stream into an Iceberg table: rows and the positions up to which they were read, in one commit.

So a row is in the table once, whatever is killed when: who starts anew goes on from the positions of the table itself.
No row is ever looked up. A commit whose answer was lost is settled by its snapshot, and where that has been expired
meanwhile, by the positions: either they are those before the group, or those after it, or somebody else writes, too.
"""

from collections.abc import Sequence

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.manifest import DataFile
from pyiceberg.table.update import SetPropertiesUpdate, TableUpdate

from kit.errors import Fault
from kit.lake.positions import Positions, properties, stored, summary
from kit.lake.rows import Row
from kit.lake.table import LakeTable, as_transient
from kit.lake.write import Attempt, GroupWrite, Pending


class SecondWriter(Fault):
    """Somebody else writes the same stream to the table: it is one writer's alone."""


class StreamTarget:
    """A table that one stream is written to. For one thread at a time.

    Args:
        catalog: Where the table is.
        identifier: Its namespace and name.
        key: A text column whose bounds manifests tell.
        narrow_by: A time column whose bounds manifests tell.
        keep_snapshots: How many of the newest snapshots a commit leaves.

    Raises:
        Fault: The table does not exist, lacks the columns, or is not of format version 2.
        Transient: The catalog does not answer.
    """

    def __init__(
        self,
        catalog: Catalog,
        identifier: tuple[str, ...],
        *,
        key: str,
        narrow_by: str | None = None,
        keep_snapshots: int = 10,
    ) -> None:
        name = ".".join(identifier)
        with as_transient(name):
            try:
                table = catalog.load_table(identifier)
            except NoSuchTableError as error:
                raise Fault(f"table {name} is not in the catalog: create the tables before starting this") from error
        self._table = LakeTable(
            table, key=key, narrow_by=narrow_by, followed_by=None, keep_snapshots=keep_snapshots, expire_every=1
        )
        self.name = self._table.name

    def positions(self) -> Positions:
        """Return up to where the table holds the stream, as it was seen last. Touches no server."""
        return stored(self._table.metadata)

    def check(self, row: Row) -> None:
        """Raise Rejected if the row does not fit the table. Touches no server."""
        self._table.encoder.check(row)

    def refresh(self) -> None:
        """See the newest state.

        Raises:
            Transient: The catalog does not answer.
            Fault: The table is not there any more, or another one of its name is.
        """
        self._table.refresh()

    def begin(self, rows: Sequence[Row], before: Positions, after: Positions) -> "StreamWrite":
        """Start to write rows of the stream from `before` up to `after`, in this order, in one commit."""
        return StreamWrite(self._table, rows, before, after)


class StreamWrite(GroupWrite):
    """Rows on their way into the table: `step` until it returns. For one thread at a time."""

    def __init__(self, table: LakeTable, rows: Sequence[Row], before: Positions, after: Positions) -> None:
        pending = {str(index): Pending(row, table.history.mark) for index, row in enumerate(rows)}
        super().__init__(table, pending, summary(after))
        self._before = before
        self._after = after

    def _leave_out_what_is_there(self) -> None:
        at = stored(self._table.metadata)
        if at == self._after and at != self._before:
            # It had landed, and its snapshot was expired before anybody asked for it.
            self._there |= self._rows.keys()
            self._rows = {}
        elif at != self._before:
            raise SecondWriter(
                f"{self._table.name} holds the stream up to other positions than were written here:"
                f" {_moved(self._before, at)}. Let one program alone write it;"
                " this one goes on from the table's positions when it is started anew."
            )

    def _remember(self, data: Sequence[DataFile]) -> None:
        """Know nothing: positions tell what is there, and rows go here by their number in the group, not by a key."""

    def _leave_out_what_does_not_fit(self) -> None:
        super()._leave_out_what_does_not_fit()
        if self._refused:
            # Without its rows a group may not move the positions.
            first = next(iter(self._refused.values()))
            raise Fault(f"{self._table.name} does not take rows that it took before: {first}")

    def _updates(self, attempt: Attempt, expired: Sequence[int]) -> tuple[TableUpdate, ...]:
        told = SetPropertiesUpdate(updates=properties(self._after, attempt.sequence_number))
        return (*super()._updates(attempt, expired), told)


def _moved(before: Positions, now: Positions) -> str:
    names = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    told = (f"{name} at {now.get(name, 'nothing')} and not {before.get(name, 'nothing')}" for name in names[:3])
    return ", ".join(told) + (f" and {len(names) - 3} more" if len(names) > 3 else "")  # noqa: PLR2004  # enough to see
