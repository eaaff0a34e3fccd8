"""Which snapshots came into a table, as far as this process can account for them."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from pyiceberg.io import FileIO
from pyiceberg.manifest import ManifestContent, ManifestEntryStatus
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Operation, Snapshot

from kit.lake.bounds import FileBounds, KeyColumns

Mark = NewType("Mark", int)
"""A state of a table: the sequence number of its newest snapshot, 0 while it has none. Larger is later."""

_REMEMBERED = 1_000
_ADDS_NO_ROWS = (Operation.REPLACE, Operation.DELETE)


class Fate(StrEnum):
    """What became of a commit whose answer was not usable."""

    LANDED = "landed"
    OPEN = "open"
    LOST = "lost"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Foreign:
    """A snapshot of another writer that may have added rows; the files that it added, once they were read."""

    snapshot: Snapshot
    files: tuple[FileBounds, ...] | None = None

    def added(self, columns: KeyColumns, io: FileIO) -> tuple[FileBounds, ...]:
        """Return the files that the snapshot added.

        Raises:
            OSError: They cannot be read, as when the snapshot was expired and its files were removed.
        """
        if self.files is None:
            own = self.snapshot.snapshot_id
            entries = (
                entry
                for manifest in self.snapshot.manifests(io)
                if manifest.content == ManifestContent.DATA
                and manifest.added_snapshot_id == own
                and manifest.has_added_files()
                for entry in manifest.fetch_manifest_entry(io)
                if entry.status == ManifestEntryStatus.ADDED
            )
            self.files = columns.bounds(entries)
        return self.files


class History:
    """The snapshots of a table's main branch since this process has seen it first.

    Snapshots that a compaction made, or that only delete files, add no rows and are not a concern here.
    """

    def __init__(self, metadata: TableMetadata) -> None:
        self._head_id: int | None = None
        self._mark = Mark(0)
        self._own: dict[int, None] = {}
        self._landed: dict[int, None] = {}
        self._foreign: deque[Foreign] = deque()
        self._take(metadata.current_snapshot())
        self._complete_since = self._mark

    @property
    def mark(self) -> Mark:
        """The newest state seen."""
        return self._mark

    def claim(self, snapshot_id: int) -> None:
        """Say that a snapshot of this id, should it ever be seen, was made here."""
        _remember(self._own, snapshot_id)

    def has_landed(self, snapshot_id: int) -> bool:
        """Tell whether the main branch was seen to hold a claimed snapshot."""
        return snapshot_id in self._landed

    def follow(self, metadata: TableMetadata) -> bool:
        """Take the table's newest state in; tell whether another writer has committed to it."""
        head = metadata.current_snapshot()
        if (None if head is None else head.snapshot_id) == self._head_id:
            return False
        moved = False
        come = list(self._since(head, metadata))
        oldest = come[-1] if come else None
        if oldest is not None and not self._follows_on(oldest, metadata):
            # What came between has been expired: of marks from before, only a look-up can tell.
            self._complete_since = _sequence(head)
            self._foreign.clear()
        for snapshot in reversed(come):
            if snapshot.snapshot_id in self._own:
                _remember(self._landed, snapshot.snapshot_id)
                continue
            moved = True
            if snapshot.summary is None or snapshot.summary.operation not in _ADDS_NO_ROWS:
                self._foreign.append(Foreign(snapshot))
        while len(self._foreign) > _REMEMBERED:
            self._complete_since = _sequence(self._foreign.popleft().snapshot)
        self._take(head)
        return moved

    def fate(self, snapshot_id: int, base_id: int | None, base: Mark) -> Fate:
        """Tell what became of a commit that was sent on top of a base, by what was seen last."""
        if snapshot_id in self._landed:
            return Fate.LANDED
        if base_id == self._head_id:
            return Fate.OPEN
        return Fate.LOST if base >= self._complete_since else Fate.UNKNOWN

    def foreign_since(self, mark: Mark) -> list[Foreign] | None:
        """Return the snapshots of others that may have added rows after the mark; None if that is not known."""
        if mark < self._complete_since:
            return None
        return [foreign for foreign in self._foreign if _sequence(foreign.snapshot) > mark]

    def give_up(self, foreign: Foreign) -> None:
        """Say that a snapshot's files cannot be read any more."""
        self._complete_since = max(self._complete_since, _sequence(foreign.snapshot))

    def _take(self, head: Snapshot | None) -> None:
        self._head_id = None if head is None else head.snapshot_id
        self._mark = _sequence(head)

    def _since(self, head: Snapshot | None, metadata: TableMetadata) -> Iterator[Snapshot]:
        at = head
        while at is not None and at.snapshot_id != self._head_id and _sequence(at) > self._mark:
            yield at
            at = None if at.parent_snapshot_id is None else metadata.snapshot_by_id(at.parent_snapshot_id)

    def _follows_on(self, oldest: Snapshot, metadata: TableMetadata) -> bool:
        parent = oldest.parent_snapshot_id
        if parent is not None and (parent == self._head_id or metadata.snapshot_by_id(parent) is not None):
            return True
        return _sequence(oldest) == self._mark + 1


def _sequence(snapshot: Snapshot | None) -> Mark:
    return Mark(0 if snapshot is None else snapshot.sequence_number or 0)


def _remember(ids: dict[int, None], snapshot_id: int) -> None:
    ids[snapshot_id] = None
    if len(ids) > _REMEMBERED:
        del ids[next(iter(ids))]
