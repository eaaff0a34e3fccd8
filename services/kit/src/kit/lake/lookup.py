"""Looks keys up in a table: by the times and bounds that manifests tell, and then in the few files left."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

import pyarrow.parquet as pq
from pyiceberg.expressions import (
    AlwaysTrue,
    And,
    BooleanExpression,
    GreaterThanOrEqual,
    In,
    LessThanOrEqual,
    Reference,
)
from pyiceberg.expressions.literals import literal
from pyiceberg.expressions.visitors import inclusive_projection, manifest_evaluator
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.manifest import DataFile, ManifestContent, ManifestFile
from pyiceberg.table import FileScanTask
from pyiceberg.table.metadata import TableMetadata

from kit.lake.bounds import DAY_MICROS, FileBounds, KeyColumns, Wanted
from kit.lake.manifests import Listed, live_entries
from kit.lake.rows import Row

_REMEMBERED_FILES = 20_000
# About 120 bytes each. Opening a file takes 2 to 10 ms, and there is one for each commit until they are compacted.
_REMEMBERED_KEYS = 300_000
# All keys of larger files would leave no place for others.
_REMEMBERED_KEYS_OF_A_FILE = 100_000


class Finder:
    """Finds keys in a table's data files. What manifests tell of files is remembered, and their keys, within bounds.

    A row that was deleted counts as there as long as its file is: it was written once, and is not to come back.
    """

    def __init__(self, columns: KeyColumns) -> None:
        self._columns = columns
        self._remembered: OrderedDict[str, tuple[FileBounds, ...]] = OrderedDict()
        self._files = 0
        self._keys: OrderedDict[str, AbstractSet[str]] = OrderedDict()
        self._keys_count = 0
        self.manifests_read = 0
        self.files_read = 0

    def in_table(
        self, rows: Mapping[str, Row], manifests: Iterable[Listed], metadata: TableMetadata, io: FileIO
    ) -> AbstractSet[str]:
        """Return the keys of `rows` that the table's files hold.

        Raises:
            OSError: The object store failed, or a file is there no more.
        """
        wanted = Wanted(self._columns, rows)
        in_partitions = _PartitionFilter(metadata, And(self._time_filter(wanted), self._following(wanted)))
        files = (
            file
            for listed in manifests
            if listed.file.content == ManifestContent.DATA
            and wanted.may_be_within(self._columns.times_in_name(listed.file.manifest_path))
            and in_partitions.may_match(listed.file)
            for file in self._bounds(listed, io)
        )
        return self._in_files(wanted, files, metadata, io)

    def in_files(
        self, rows: Mapping[str, Row], files: Iterable[FileBounds], metadata: TableMetadata, io: FileIO
    ) -> AbstractSet[str]:
        """Return the keys of `rows` that the files hold; raises as `in_table` does."""
        return self._in_files(Wanted(self._columns, rows), files, metadata, io)

    def remember(self, listed: Listed) -> None:
        """Keep what the entries of a manifest say of its files."""
        if listed.entries is not None:
            self._remember(listed.file.manifest_path, self._columns.bounds(listed.entries))

    def remember_keys(self, files: Iterable[DataFile], keys: AbstractSet[str]) -> None:
        """Know what is in files that were written together, which land together or not at all."""
        for file in files:
            self._remember_keys(file.file_path, keys)

    def _in_files(
        self, wanted: Wanted, files: Iterable[FileBounds], metadata: TableMetadata, io: FileIO
    ) -> AbstractSet[str]:
        found: set[str] = set()
        large = []
        for file in files:
            if not wanted.may_be_in(file):
                continue
            if file.file.record_count > _REMEMBERED_KEYS_OF_A_FILE:
                large.append(FileScanTask(file.file))
            else:
                found |= wanted.keys & self._keys_of(file.file.file_path, io)
        return found | self._in_large_files(wanted, large, metadata, io)

    def _keys_of(self, path: str, io: FileIO) -> AbstractSet[str]:
        known = self._keys.get(path)
        if known is None:
            self.files_read += 1
            with io.new_input(path).open() as stream:
                known = frozenset(pq.read_table(stream, columns=[self._columns.key]).column(0).to_pylist())
            self._remember_keys(path, known)
        else:
            self._keys.move_to_end(path)
        return known

    def _in_large_files(
        self, wanted: Wanted, tasks: Sequence[FileScanTask], metadata: TableMetadata, io: FileIO
    ) -> AbstractSet[str]:
        if not tasks:
            return frozenset()
        self.files_read += len(tasks)
        keys = In(term=Reference(self._columns.key), literals={literal(key) for key in wanted.keys})
        scan = ArrowScan(
            metadata, io, metadata.schema().select(self._columns.key), And(keys, self._time_filter(wanted))
        )
        return frozenset(scan.to_table(tasks).column(self._columns.key).to_pylist())

    def _time_filter(self, wanted: Wanted) -> BooleanExpression:
        if self._columns.narrow_by is None:
            return AlwaysTrue()
        at = Reference(self._columns.narrow_by)
        low, high = (self._columns.literal_of(micros) for micros in wanted.range)
        return And(GreaterThanOrEqual(term=at, value=low), LessThanOrEqual(term=at, value=high))

    def _following(self, wanted: Wanted) -> BooleanExpression:
        if self._columns.followed_by is None:
            return AlwaysTrue()
        earliest = self._columns.literal_of(wanted.range[0] - DAY_MICROS)
        return GreaterThanOrEqual(term=Reference(self._columns.followed_by), value=earliest)

    def _bounds(self, listed: Listed, io: FileIO) -> Sequence[FileBounds]:
        path = listed.file.manifest_path
        bounds = self._remembered.get(path)
        if bounds is None:
            self.manifests_read += listed.entries is None
            bounds = self._columns.bounds(live_entries(listed, io))
            self._remember(path, bounds)
        else:
            self._remembered.move_to_end(path)
        return bounds

    def _remember(self, path: str, bounds: tuple[FileBounds, ...]) -> None:
        self._files += len(bounds) - len(self._remembered.pop(path, ()))
        self._remembered[path] = bounds
        while self._files > _REMEMBERED_FILES and len(self._remembered) > 1:
            _, forgotten = self._remembered.popitem(last=False)
            self._files -= len(forgotten)

    def _remember_keys(self, path: str, keys: AbstractSet[str]) -> None:
        self._keys_count += len(keys) - len(self._keys.pop(path, ()))
        self._keys[path] = keys
        while self._keys_count > _REMEMBERED_KEYS:
            _, forgotten = self._keys.popitem(last=False)
            self._keys_count -= len(forgotten)


class _PartitionFilter:
    def __init__(self, metadata: TableMetadata, rows: BooleanExpression) -> None:
        self._metadata = metadata
        self._rows = rows
        self._evaluators: dict[int, Callable[[ManifestFile], bool]] = {}

    def may_match(self, manifest: ManifestFile) -> bool:
        spec_id = manifest.partition_spec_id
        if spec_id not in self._evaluators:
            spec, schema = self._metadata.specs()[spec_id], self._metadata.schema()
            self._evaluators[spec_id] = manifest_evaluator(spec, schema, inclusive_projection(schema, spec)(self._rows))
        return self._evaluators[spec_id](manifest)
