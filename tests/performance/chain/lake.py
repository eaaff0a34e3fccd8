"""When each row became visible in an Iceberg table, seen from outside: no writer is asked."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import psycopg
import pyarrow.parquet
from pyiceberg.manifest import ManifestEntryStatus
from pyiceberg.table.metadata import TableMetadataUtil

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyiceberg.io import FileIO
    from pyiceberg.table.metadata import TableMetadata

SECONDS_BETWEEN_POLLS = 0.1
_TIMEOUT_SECONDS = 5
_POINTER = "SELECT metadata_location FROM iceberg_tables WHERE table_namespace = %s AND table_name = %s"
_APPEND = "append"


@dataclass(frozen=True)
class Sighting:
    """A snapshot, and when it was first seen, in seconds since 1970: up to a poll's interval too late."""

    snapshot_id: int
    sequence_number: int
    parent_id: int | None
    operation: str
    seen_at: float


def parse_snapshots(metadata: Mapping[str, Any], seen_at: float) -> list[Sighting]:
    """Return the snapshots that a table's metadata has now, oldest first."""
    found = [
        Sighting(
            each["snapshot-id"],
            each["sequence-number"],
            each.get("parent-snapshot-id"),
            each["summary"]["operation"],
            seen_at,
        )
        for each in metadata.get("snapshots", ())
    ]
    return sorted(found, key=lambda each: each.sequence_number)


def visible_at(sightings: list[Sighting], sequence_number: int) -> float | None:
    """Return when rows of a sequence number were first seen: with their own snapshot, or with one on top of it."""
    return min((each.seen_at for each in sightings if each.sequence_number >= sequence_number), default=None)


class Pointer(Protocol):
    """Knows where a table's present metadata is."""

    def read(self) -> str:
        """Return the location; raise an OSError, LookupError or psycopg.Error where nobody can tell now."""

    def close(self) -> None:
        """Let go of the connection."""


class DatabasePointer:
    """Asks the catalog's database where a table's metadata is: a twentieth of the cost of asking the catalog itself.

    Even where the catalog answers 304 it reads the metadata from the object store to do so: 10 ms of CPU for each
    poll, measured, which at five polls a second would be most of what the catalog costs. For catalogs over JDBC.
    """

    def __init__(self, dsn: str, identifier: tuple[str, str]) -> None:
        self._dsn = dsn
        self._identifier = identifier
        self._connection: psycopg.Connection[tuple[str]] | None = None

    def read(self) -> str:
        """Return the location of the present metadata.

        Raises:
            psycopg.Error: The database is away.
            LookupError: There is no such table.
        """
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self._dsn, autocommit=True, connect_timeout=_TIMEOUT_SECONDS)
            row = self._connection.execute(_POINTER, self._identifier, prepare=True).fetchone()
        except psycopg.Error:
            self.close()
            raise
        if row is None:
            raise LookupError(f"The catalog has no table {'.'.join(self._identifier)}.")
        return row[0]

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class LakeWatch:
    """Polls for new snapshots of a table from a thread of its own.

    Of each new one the metadata is read at once, data files in `rows` alone, except when a snapshot rewrites files:
    what was there before it is then read at once, since its files may be gone later.
    """

    def __init__(self, pointer: Pointer, io: FileIO) -> None:
        self._pointer = pointer
        self._io = io
        self._location = ""
        self._metadata: dict[str, Any] = {}
        self._sightings: dict[int, Sighting] = {}
        self._counts: Counter[str] = Counter()
        self._sequences: dict[str, int] = {}
        self._paths: set[str] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.troubles: Counter[str] = Counter()
        # Nothing is read yet, not even what a compaction of before has rewritten.
        self._read_to = sys.maxsize
        self._poll()
        self._first_rows = self.total_rows
        # What was there before is nobody's concern.
        self._read_to = int(self._metadata["last-sequence-number"])
        self._sightings.clear()
        self._thread = threading.Thread(target=self._watch, name="lake watch", daemon=True)
        self._thread.start()

    @property
    def total_rows(self) -> int:
        """How many rows the newest snapshot has, as its summary says."""
        metadata = self._metadata
        current = metadata.get("current-snapshot-id")
        for snapshot in metadata.get("snapshots", ()):
            if snapshot["snapshot-id"] == current:
                return int(snapshot["summary"].get("total-records", 0))
        return 0

    @property
    def new_rows(self) -> int:
        """How many rows came since the beginning, whoever wrote them."""
        return self.total_rows - self._first_rows

    def rows(self) -> Mapping[str, float]:
        """Read what was appended since the beginning; return when each event's row was first seen."""
        with self._lock:
            metadata = self._metadata
            current = metadata.get("current-snapshot-id")
            if current is not None and current >= 0:
                self._read(TableMetadataUtil.parse_obj(metadata), current)
            sightings = list(self._sightings.values())
        # Events come in groups: one search for each group.
        times = {number: visible_at(sightings, number) for number in set(self._sequences.values())}
        return {event: seen for event, number in self._sequences.items() if (seen := times[number]) is not None}

    def repeated(self) -> Mapping[str, int]:
        """Return the events of which more than one row was appended, with how many."""
        return {event: count for event, count in self._counts.items() if count > 1}

    def close(self) -> None:
        """Stop polling."""
        self._stop.set()
        self._thread.join()
        self._pointer.close()

    def _watch(self) -> None:
        while not self._stop.wait(SECONDS_BETWEEN_POLLS):
            try:
                self._poll()
            except (psycopg.Error, OSError, LookupError, ValueError) as error:
                # Database or object store may be away for a while; the next poll tells.
                self.troubles[type(error).__name__] += 1

    def _poll(self) -> None:
        location = self._pointer.read()
        if location == self._location:
            return
        seen_at = time.time()
        with self._io.new_input(location).open() as file:
            metadata = json.loads(file.read())
        with self._lock:
            self._metadata = metadata
            for sighting in parse_snapshots(metadata, seen_at):
                if sighting.snapshot_id not in self._sightings:
                    if sighting.operation != _APPEND and sighting.parent_id is not None:
                        self._read(TableMetadataUtil.parse_obj(metadata), sighting.parent_id)
                    # Not before: what was rewritten is read at the next poll if the object store fails at this one.
                    self._sightings[sighting.snapshot_id] = sighting
        self._location = location

    def _read(self, metadata: TableMetadata, snapshot_id: int) -> None:
        snapshot = metadata.snapshot_by_id(snapshot_id)
        if snapshot is None:
            self.troubles["snapshot expired before it was read"] += 1
            return
        rewrites = {each.snapshot_id for each in self._sightings.values() if each.operation != _APPEND}
        for manifest in snapshot.manifests(self._io):
            if (manifest.sequence_number or 0) <= self._read_to:
                continue
            for entry in manifest.fetch_manifest_entry(self._io, discard_deleted=True):
                number, path = entry.sequence_number or 0, entry.data_file.file_path
                if number <= self._read_to or path in self._paths or entry.snapshot_id in rewrites:
                    continue
                if entry.status == ManifestEntryStatus.DELETED:
                    continue
                for event in self._events(path):
                    self._counts[event] += 1
                    self._sequences.setdefault(event, number)
                # Not before: if the object store fails, the file is read the next time.
                self._paths.add(path)
        self._read_to = max(self._read_to, snapshot.sequence_number or 0)

    def _events(self, path: str) -> list[str]:
        with self._io.new_input(path).open() as file:
            table = pyarrow.parquet.read_table(file, columns=["event_id"])
        return [str(value) for value in table.column("event_id").to_pylist()]
