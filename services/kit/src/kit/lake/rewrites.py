"""The sign that somebody rewrites files of a table, for which its committers keep the history meanwhile.

Whoever rewrites files has to show, when committing, what has happened to the table since the beginning; that is
impossible where a committer has dropped the snapshots in between (Iceberg: "Cannot determine history between starting
snapshot and the last known ancestor").
"""

from collections.abc import Iterator
from contextlib import contextmanager

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError
from pyiceberg.table import Table

from kit.errors import Fault, Transient
from kit.lake.table import REWRITE_TAG, as_transient


@contextmanager
def history_kept(catalog: Catalog, identifier: tuple[str, ...]) -> Iterator[None]:
    """Have committers keep all snapshots from the present one on, for an hour at most.

    Raises:
        Fault: There is no such table.
        Transient: The catalog does not answer, or the table changes too fast.
    """
    name = ".".join(identifier)
    with _told(name):
        try:
            table = catalog.load_table(identifier)
        except NoSuchTableError as error:
            raise Fault(f"table {name} is not in the catalog") from error
        # That of a run which was killed names a snapshot of long ago.
        _untag(table)
        if (head := table.current_snapshot()) is not None:
            table.manage_snapshots().create_tag(head.snapshot_id, REWRITE_TAG).commit()
    try:
        yield
    finally:
        with _told(name):
            _untag(table)


def _untag(table: Table) -> None:
    table.refresh()
    if REWRITE_TAG in table.metadata.refs:
        table.manage_snapshots().remove_tag(REWRITE_TAG).commit()
        table.refresh()


@contextmanager
def _told(name: str) -> Iterator[None]:
    with as_transient(name):
        try:
            yield
        except CommitFailedException as error:
            raise Transient(f"{name}: another writer came first: {error}") from error
