"""Writes one group of rows so that each is in the table once, whatever fails in between.

An Iceberg commit names the snapshot that it builds on and is refused if the table has moved, so a row that was looked
up in that snapshot cannot come in twice. Whether a commit whose answer was lost has landed is settled by asking the
table for its snapshot: the group keeps one snapshot id until it is written. Nothing is deleted, ever: a refusal does
not prove that a commit has not landed, and what no snapshot needs is removed by the table's maintenance.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

from pyiceberg.exceptions import BadRequestError
from pyiceberg.io.pyarrow import _dataframe_to_data_files
from pyiceberg.manifest import DataFile, ManifestEntry, ManifestFile, write_manifest_list
from pyiceberg.table import TableProperties
from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRefType
from pyiceberg.table.snapshots import Operation, Snapshot, SnapshotSummaryCollector, Summary, update_snapshot_summaries
from pyiceberg.table.update import (
    AddSnapshotUpdate,
    AssertRefSnapshotId,
    AssertTableUUID,
    RemoveSnapshotsUpdate,
    SetSnapshotRefUpdate,
    TableRequirement,
    TableUpdate,
)

from kit.errors import Fault, Rejected, Transient
from kit.lake import metrics
from kit.lake.history import Fate, Mark
from kit.lake.manifests import Listed, compression_of, merge, write_manifest
from kit.lake.objects import Staging
from kit.lake.rows import ColumnMissing, Row, UnknownColumn
from kit.lake.table import LakeTable, as_transient

_REFUSALS_TO_BELIEVE = 3


@dataclass(frozen=True, slots=True)
class Pending:
    """A row to be written, and a state of the table at which it is known not to be there; None if none is known."""

    row: Row
    absent_at: Mark | None


@dataclass(frozen=True, slots=True)
class Written:
    """What a group has come to: the keys that were there before, and the rows that the table does not take."""

    already_there: frozenset[str]
    refused: Mapping[str, Rejected | Transient]


@dataclass(frozen=True, slots=True)
class _Files:
    """What stays the same however often a group is sent: its data files and their manifest, for one snapshot id."""

    snapshot_id: int
    staging: Staging
    data: Sequence[DataFile]
    manifest: Listed
    schema_id: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """A group on top of one state of the table."""

    snapshot_id: int
    base_id: int | None
    base: Mark
    snapshot: Snapshot
    manifests: tuple[Listed, ...]
    staging: Staging

    @property
    def sequence_number(self) -> int:
        """The number that the commit gives to what it adds."""
        return self.snapshot.sequence_number or 0


class GroupWrite:
    """One group on its way into the table: `step` until it returns. To be used by one thread at a time."""

    def __init__(self, table: LakeTable, rows: Mapping[str, Pending], properties: Mapping[str, str]) -> None:
        self._table = table
        self._rows = {key: pending.row for key, pending in rows.items()}
        self._absent_at = {key: pending.absent_at for key, pending in rows.items()}
        self._properties = properties
        self._there: set[str] = set()
        self._refused: dict[str, Rejected | Transient] = {}
        self._files: _Files | None = None
        self._sent: Attempt | None = None
        self._is_stale = False
        self._refusals = 0

    def step(self) -> Written:
        """Do what is left to do.

        Raises:
            Transient: Catalog or object store failed, or another writer came first; nothing is lost: step again.
            Fault: The table is gone, or the catalog refuses what it is sent.
        """
        stale, self._is_stale = self._is_stale, True
        with as_transient(self._table.name):
            if stale:
                self._table.refresh()
            if self._sent is None or not self._has_landed(self._sent):
                self._leave_out_what_is_there()
                self._leave_out_what_does_not_fit()
                if self._rows:
                    self._send()
        self._is_stale = False
        return Written(frozenset(self._there), self._refused)

    def _has_landed(self, sent: Attempt) -> bool:
        table = self._table
        fate = table.history.fate(sent.snapshot_id, sent.base_id, sent.base)
        metrics.DOUBTS.labels(table.name, fate).inc()
        if fate is Fate.LANDED:
            # A catalog that shows an older state for a while makes for two attempts of one id: this may be the other.
            landed = table.metadata.snapshot_by_id(sent.snapshot_id)
            if landed is not None and landed.manifest_list == sent.snapshot.manifest_list:
                table.take_manifests(sent.snapshot_id, sent.sequence_number, sent.manifests)
            return True
        if fate is Fate.OPEN and sent.sequence_number == table.metadata.next_sequence_number():
            return False
        # It can land no more: the table has left the state that it builds on.
        self._sent = None
        if fate is Fate.UNKNOWN:
            # It may have landed and been expired since: then its rows are found by their keys.
            self._absent_at = dict.fromkeys(self._rows, None)
            self._files = None
        return False

    def _leave_out_what_is_there(self) -> None:
        started = perf_counter()
        unknown = {key: row for key, row in self._rows.items() if self._absent_at[key] is None}
        there = self._in_foreign(unknown)
        if unknown:
            table = self._table
            there |= table.finder.in_table(unknown, table.manifests(), table.metadata, table.io)
            metrics.LOOK_UP_SECONDS.labels(table.name).observe(perf_counter() - started)
            metrics.LOOK_UPS.labels(table.name).inc(len(unknown))
        if there:
            self._there |= there
            self._rows = {key: row for key, row in self._rows.items() if key not in there}
            self._files = None
        self._absent_at = dict.fromkeys(self._rows, self._table.history.mark)

    def _in_foreign(self, unknown: dict[str, Row]) -> set[str]:
        """Return the keys that others have written since; add to `unknown` those of which this cannot tell."""
        table, there = self._table, set[str]()
        by_mark: dict[Mark, dict[str, Row]] = {}
        for key, row in self._rows.items():
            if (mark := self._absent_at[key]) is not None:
                by_mark.setdefault(mark, {})[key] = row
        for mark, rows in by_mark.items():
            for foreign in table.history.foreign_since(mark) or ():
                try:
                    files = foreign.added(table.columns, table.io)
                    there |= table.finder.in_files(rows, files, table.metadata, table.io)
                except FileNotFoundError:
                    # Its snapshot was expired, or its files were compacted, and then removed.
                    table.history.give_up(foreign)
            if table.history.foreign_since(mark) is None:
                unknown.update(rows)
        return there

    def _leave_out_what_does_not_fit(self) -> None:
        if self._files is not None or not self._rows:
            return
        fit: dict[str, Row] = {}
        for key, row in self._rows.items():
            # The table may have lost a column since the row was taken on.
            try:
                self._table.encoder.check(row)
            except UnknownColumn as error:
                self._refused[key] = ColumnMissing(self._table.name, error.column)
            except Rejected as error:
                self._refused[key] = error
            else:
                fit[key] = row
        self._rows = fit

    def _send(self) -> None:
        table = self._table
        with metrics.phase(table.name, "build"):
            files = self._files = self._files or self._build_files()
            attempt = self._sent or self._build_attempt(files)
        with metrics.phase(table.name, "put"):
            files.staging.put(table.io, table.threads)
            attempt.staging.put(table.io, table.threads)
        self._sent = attempt
        expired = table.expirable()
        try:
            with metrics.phase(table.name, "post"):
                table.post(attempt.snapshot_id, _requirements(table, attempt), self._updates(attempt, expired))
        except BadRequestError as error:
            self._refusals += 1
            if self._refusals < _REFUSALS_TO_BELIEVE:
                raise Transient(f"{table.name}: the catalog takes no such commit: {error}") from error
            raise Fault(f"{table.name}: the catalog takes no commit of this program: {error}") from error
        metrics.EXPIRED.labels(table.name).inc(len(expired))
        table.take_manifests(attempt.snapshot_id, attempt.sequence_number, attempt.manifests)

    def _build_files(self) -> _Files:
        table, staging = self._table, Staging()
        metadata = table.metadata
        snapshot_id = metadata.new_snapshot_id()
        name = uuid.uuid4()
        arrow = table.encoder.encode(list(self._rows.values()))
        data = list(_dataframe_to_data_files(metadata, arrow, staging, write_uuid=name))
        for file in data:
            file.spec_id = metadata.default_spec_id
        self._remember(data)
        location = table.location(f"{name}-m0.avro")
        added = write_manifest(metadata, staging, location, snapshot_id, metadata.default_spec_id, added=data)
        return _Files(snapshot_id, staging, data, added, metadata.current_schema_id)

    def _remember(self, data: Sequence[DataFile]) -> None:
        """Know the keys of files that are about to be written, for later look-ups."""
        self._table.finder.remember_keys(data, frozenset(self._rows))

    def _build_attempt(self, files: _Files) -> Attempt:
        table, staging = self._table, Staging()
        metadata = table.metadata
        sequence_number = metadata.next_sequence_number()
        name = uuid.uuid4()

        def write_merged(spec_id: int, entries: Sequence[ManifestEntry]) -> ManifestFile:
            columns = table.columns
            suffix = columns.suffix(columns.times(columns.bounds(entries)))
            location = table.location(f"{name}-m{len(entries)}{suffix}")
            return write_manifest(metadata, staging, location, files.snapshot_id, spec_id, existing=entries).file

        merged = merge(table.manifests(), metadata.default_spec_id, table.io, write_merged)
        metrics.MERGED.labels(table.name).inc(merged.rewritten)
        manifests = (files.manifest, *merged.manifests)
        location = table.location(f"snap-{files.snapshot_id}-0-{name}.avro")
        with write_manifest_list(
            metadata.format_version,
            staging.new_output(location),
            files.snapshot_id,
            table.head_id,
            sequence_number,
            compression_of(metadata),
        ) as writer:
            writer.add_manifests([listed.file for listed in manifests])
        snapshot = Snapshot(
            snapshot_id=files.snapshot_id,
            parent_snapshot_id=table.head_id,
            manifest_list=location,
            sequence_number=sequence_number,
            summary=self._summary(files.data),
            schema_id=files.schema_id,
        )
        return Attempt(files.snapshot_id, table.head_id, table.history.mark, snapshot, manifests, staging)

    def _summary(self, data: Sequence[DataFile]) -> Summary:
        metadata = self._table.metadata
        limit = metadata.properties.get(
            TableProperties.WRITE_PARTITION_SUMMARY_LIMIT, TableProperties.WRITE_PARTITION_SUMMARY_LIMIT_DEFAULT
        )
        collector = SnapshotSummaryCollector(partition_summary_limit=int(limit))
        for file in data:
            collector.add_file(file, metadata.schema(), metadata.specs()[file.spec_id])
        head = metadata.current_snapshot()
        return update_snapshot_summaries(
            Summary(operation=Operation.APPEND, **collector.build(), **self._properties),
            None if head is None or head.summary is None else head.summary.additional_properties,
        )

    def _updates(self, attempt: Attempt, expired: Sequence[int]) -> tuple[TableUpdate, ...]:
        main = self._table.metadata.refs.get(MAIN_BRANCH)
        move = SetSnapshotRefUpdate(
            ref_name=MAIN_BRANCH,
            type=SnapshotRefType.BRANCH,
            snapshot_id=attempt.snapshot_id,
            # Setting a reference replaces what it says of retention.
            max_ref_age_ms=None if main is None else main.max_ref_age_ms,
            max_snapshot_age_ms=None if main is None else main.max_snapshot_age_ms,
            min_snapshots_to_keep=None if main is None else main.min_snapshots_to_keep,
        )
        drop = (RemoveSnapshotsUpdate(snapshot_ids=list(expired)),) if expired else ()
        return (AddSnapshotUpdate(snapshot=attempt.snapshot), move, *drop)


def _requirements(table: LakeTable, attempt: Attempt) -> tuple[TableRequirement, ...]:
    return (
        AssertTableUUID(uuid=table.metadata.table_uuid),
        AssertRefSnapshotId(ref=MAIN_BRANCH, snapshot_id=attempt.base_id),
    )
