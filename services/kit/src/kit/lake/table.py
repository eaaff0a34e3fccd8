"""An Iceberg table that is written to: its newest state, as this process has seen it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from pyiceberg.exceptions import BadRequestError, CommitFailedException, NoSuchTableError, RESTError
from pyiceberg.io import FileIO
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRefType
from pyiceberg.table.snapshots import Operation, ancestors_of
from pyiceberg.table.update import TableRequirement, TableUpdate
from requests import RequestException

from kit.errors import Fault, Transient
from kit.lake import metrics
from kit.lake.bounds import KeyColumns
from kit.lake.history import History
from kit.lake.lookup import Finder
from kit.lake.manifests import FAN_OUT, Listed
from kit.lake.objects import put_threads
from kit.lake.rows import RowEncoder

_FORMAT_VERSION = 2
_REWRITTEN_KEPT_MS = 3_600_000

REWRITE_TAG = "rewrite-under-way"
"""A tag of this name has committers keep what comes after its snapshot (`kit.lake.rewrites`)."""


class Conflict(Transient):
    """A commit was refused because the table has moved, or because it had landed before: only the table can tell."""


class LakeTable:
    """A table's metadata, its head's manifests and what is known of its history. For one thread at a time.

    Nothing that was written here is read again: the object store is asked only at the start and after others' commits.
    The arguments are those of IcebergTarget.
    """

    def __init__(
        self,
        table: Table,
        *,
        key: str,
        narrow_by: str | None,
        followed_by: str | None,
        keep_snapshots: int,
        expire_every: int,
    ) -> None:
        self.name = ".".join(table.name())
        if table.metadata.format_version != _FORMAT_VERSION:
            raise Fault(f"{self.name} is of format version {table.metadata.format_version}; only 2 can be written to")
        self._table = table
        self._keep_snapshots = keep_snapshots
        self._expire_every = expire_every
        self._columns = KeyColumns(table.schema(), key, narrow_by, followed_by)
        self._schema = table.schema()
        self._listing: tuple[int, tuple[Listed, ...]] | None = None
        self.encoder = RowEncoder(self._schema.as_arrow())
        self.history = History(table.metadata)
        self.finder = Finder(self._columns)
        self.threads = put_threads()

    @property
    def metadata(self) -> TableMetadata:
        """The newest state seen."""
        return self._table.metadata

    @property
    def io(self) -> FileIO:
        """Access to the table's objects."""
        return self._table.io

    @property
    def columns(self) -> KeyColumns:
        """The columns that rows are looked up by."""
        return self._columns

    @property
    def head_id(self) -> int | None:
        """The id of the newest snapshot seen."""
        head = self.metadata.current_snapshot()
        return None if head is None else head.snapshot_id

    def refresh(self) -> None:
        """See the newest state.

        Raises:
            Transient: The catalog does not answer.
            Fault: The table is not there any more, or another one of its name is.
        """
        with as_transient(self.name), _as_unusable(self.name):
            try:
                loaded = self._table.catalog.load_table(self._table.name())
            except NoSuchTableError as error:
                raise Fault(f"table {self.name} is no longer in the catalog") from error
        if loaded.metadata.table_uuid != self.metadata.table_uuid:
            raise Fault(f"table {self.name} was replaced by another one of that name: start anew to write to that one")
        if loaded.io.properties != self.io.properties:
            self._table.io = loaded.io
        self._follow(loaded.metadata, loaded.metadata_location)

    def manifests(self) -> tuple[Listed, ...]:
        """Return the manifests of the head.

        Raises:
            OSError: Their list was not written here, and could not be read.
        """
        head = self.metadata.current_snapshot()
        if head is None:
            return ()
        if self._listing is None or self._listing[0] != head.snapshot_id:
            known = {} if self._listing is None else {one.file.manifest_path: one for one in self._listing[1]}
            files = head.manifests(self.io)
            self._listing = (head.snapshot_id, tuple(known.get(file.manifest_path, Listed(file)) for file in files))
            metrics.LISTS_READ.labels(self.name).inc()
        return self._listing[1]

    def location(self, name: str) -> str:
        """Return where a metadata file of that name belongs."""
        return self._table.location_provider().new_metadata_location(name)

    def expirable(self) -> list[int]:
        """Return the snapshots that the next commit is to drop.

        Only what the main branch has left behind: what other branches come from and what tags name is not ours to drop.
        A compaction, and the snapshot that it rewrote, stay for an hour: whoever reads that one still needs its files,
        which are old, and would be taken for orphans as soon as no snapshot names them.
        """
        metadata = self.metadata
        main = list(ancestors_of(metadata.current_snapshot(), metadata))
        if not main:
            return []
        # The next commit adds one.
        kept = max(0, self._keep_snapshots - 1)
        old = {one.snapshot_id for one in main[kept:]}
        needed = {one.snapshot_id for one in main[:kept]}
        for one in metadata.snapshots:
            if one.summary is not None and one.summary.operation is Operation.REPLACE:
                pair = {one.snapshot_id, *(() if one.parent_snapshot_id is None else (one.parent_snapshot_id,))}
                is_recent = one.timestamp_ms > main[0].timestamp_ms - _REWRITTEN_KEPT_MS
                (needed if is_recent else old).update(pair)
        rewriting = metadata.refs.get(REWRITE_TAG)
        began = None if rewriting is None else metadata.snapshot_by_id(rewriting.snapshot_id)
        if began is not None and began.timestamp_ms > main[0].timestamp_ms - _REWRITTEN_KEPT_MS:
            first = began.sequence_number or 0
            needed.update(one.snapshot_id for one in main if (one.sequence_number or 0) >= first)
        for name, ref in metadata.refs.items():
            if ref.snapshot_ref_type == SnapshotRefType.TAG:
                needed.add(ref.snapshot_id)
            elif name != MAIN_BRANCH:
                needed.update(
                    one.snapshot_id for one in ancestors_of(metadata.snapshot_by_id(ref.snapshot_id), metadata)
                )
        doomed = [one.snapshot_id for one in metadata.snapshots if one.snapshot_id in old - needed]
        return doomed if len(doomed) >= self._expire_every else []

    def post(
        self, snapshot_id: int, requirements: tuple[TableRequirement, ...], updates: tuple[TableUpdate, ...]
    ) -> None:
        """Send a commit and follow the table to it.

        Raises:
            Conflict: The commit was refused; it may have landed nevertheless.
            Transient: The commit may or may not have landed.
            BadRequestError: The catalog takes no such commit.
        """
        self.history.claim(snapshot_id)
        with as_transient(self.name), _as_unusable(self.name):
            try:
                answer = self._table.catalog.commit_table(self._table, requirements, updates)
            except CommitFailedException as error:
                raise Conflict(f"{self.name}: the commit was refused: {error}") from error
            except NoSuchTableError as error:
                raise Transient(f"{self.name}: the catalog knows no such table") from error
        if answer.metadata.table_uuid != self.metadata.table_uuid:
            raise Transient(f"{self.name}: the answer to a commit is of another table")
        self._follow(answer.metadata, answer.metadata_location)
        if not self.history.has_landed(snapshot_id):
            raise Transient(f"{self.name}: the answer to a commit does not hold it")

    def take_manifests(self, snapshot_id: int, sequence_number: int, manifests: Iterable[Listed]) -> None:
        """Know the manifests of a snapshot that was made here, if it is the head."""
        if self.head_id != snapshot_id:
            return
        kept = []
        for listed in manifests:
            numbered = listed.committed(snapshot_id, sequence_number)
            if numbered.files >= FAN_OUT**2:
                # It is not merged again: of its entries, only what look-ups need is kept.
                self.finder.remember(numbered)
                numbered = Listed(numbered.file)
            kept.append(numbered)
        self._listing = (snapshot_id, tuple(kept))
        metrics.MANIFESTS.labels(self.name).set(len(kept))

    def _follow(self, metadata: TableMetadata, location: str) -> None:
        self._table.metadata = metadata
        self._table.metadata_location = location
        if self.history.follow(metadata):
            metrics.FOREIGN.labels(self.name).inc()
        # A table gains columns while it is written to: rows from before then have null in them.
        if metadata.schema() != self._schema:
            columns = self._columns
            self._columns = KeyColumns(metadata.schema(), columns.key, columns.narrow_by, columns.followed_by)
            self.encoder = RowEncoder(metadata.schema().as_arrow())
            self._schema = metadata.schema()


@contextmanager
def as_transient(name: str) -> Iterator[None]:
    """Translate what catalog and object store raise. OSError is what Arrow's S3 client raises."""
    try:
        yield
    except BadRequestError:
        raise
    except (RESTError, RequestException, OSError) as error:
        raise Transient(f"{name}: catalog or object store failed with {type(error).__name__}: {error}") from error


@contextmanager
def _as_unusable(name: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        # Its text may hold all of the answer.
        raise Transient(f"{name}: the catalog gave an answer that cannot be used ({type(error).__name__})") from error
