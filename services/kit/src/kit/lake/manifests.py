"""The manifests of a table's head, kept few by merging them in levels as they are written.

Each commit adds a manifest of its own. When there are FAN_OUT small ones they become one; FAN_OUT of those become one
of about FAN_OUT² files, which is left alone. So the list holds at most 2·FAN_OUT manifests and one for each FAN_OUT²
files, each entry is written three times in its life, and nothing is read to merge what was written here.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import cast

from pyiceberg.avro.codecs import AvroCompressionCodec
from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile, ManifestContent, ManifestEntry, ManifestEntryStatus, ManifestFile
from pyiceberg.manifest import write_manifest as open_manifest
from pyiceberg.table import TableProperties
from pyiceberg.table.metadata import TableMetadata

FAN_OUT = 24


@dataclass(frozen=True, slots=True)
class Listed:
    """A manifest of the head; its live entries, where they are known without reading."""

    file: ManifestFile
    entries: tuple[ManifestEntry, ...] | None = None

    @property
    def files(self) -> int:
        """How many live files it lists."""
        # Counts are missing only from tables of the first format version.
        return (self.file.added_files_count or 0) + (self.file.existing_files_count or 0)

    @property
    def is_live(self) -> bool:
        """Whether it lists anything that is not deleted."""
        return self.file.has_added_files() or self.file.has_existing_files()

    def committed(self, snapshot_id: int, sequence_number: int) -> "Listed":
        """Return it as the commit of the snapshot made it: what was added carries that commit's numbers."""
        if self.file.added_snapshot_id != snapshot_id:
            return self
        numbered = ManifestFile(*_fields(self.file))
        numbered.sequence_number = sequence_number
        if numbered.min_sequence_number < 0:
            numbered.min_sequence_number = sequence_number
        entries = None if self.entries is None else tuple(_numbered(entry, sequence_number) for entry in self.entries)
        return Listed(numbered, entries)


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of a list of manifests: the list now, and how many manifests and files were merged."""

    manifests: tuple[Listed, ...]
    merged: int = 0
    rewritten: int = 0


WriteManifest = Callable[[int, Sequence[ManifestEntry]], ManifestFile]
"""Write a manifest of existing entries: a partition specification's id, and the entries."""


def merge(manifests: Iterable[Listed], spec_id: int, io: FileIO, write: WriteManifest) -> Merged:
    """Merge small manifests of a partition specification wherever enough of one size are together.

    Raises:
        OSError: A manifest that was not written here could not be read.
    """
    result = Merged(tuple(listed for listed in manifests if listed.is_live))
    for limit in (FAN_OUT, FAN_OUT**2):
        small = [listed for listed in result.manifests if _is_below(listed, limit, spec_id)]
        # A level is full by number, or where manifests list many files each, by these.
        if len(small) < FAN_OUT and sum(listed.files for listed in small) < limit * FAN_OUT:
            continue
        if len(small) < 2:  # noqa: PLR2004  # one cannot be merged
            continue
        entries = tuple(entry for listed in small for entry in live_entries(listed, io))
        file = write(spec_id, entries)
        gone = {listed.file.manifest_path for listed in small}
        kept = tuple(listed for listed in result.manifests if listed.file.manifest_path not in gone)
        result = replace(
            result,
            manifests=(Listed(file, tuple(_existing(entry) for entry in entries)), *kept),
            merged=result.merged + len(small),
            rewritten=result.rewritten + len(entries),
        )
    return result


def live_entries(listed: Listed, io: FileIO) -> tuple[ManifestEntry, ...]:
    """Return the entries of a manifest, from memory or else from the object store."""
    return listed.entries if listed.entries is not None else tuple(listed.file.fetch_manifest_entry(io))


def compression_of(metadata: TableMetadata) -> AvroCompressionCodec:
    """Return how the table wants its manifests compressed."""
    codec = metadata.properties.get(
        TableProperties.WRITE_AVRO_COMPRESSION, TableProperties.WRITE_AVRO_COMPRESSION_DEFAULT
    )
    return cast("AvroCompressionCodec", codec)


def write_manifest(
    metadata: TableMetadata,
    staging: FileIO,
    location: str,
    snapshot_id: int,
    spec_id: int,
    *,
    added: Iterable[DataFile] = (),
    existing: Iterable[ManifestEntry] = (),
) -> Listed:
    """Write a manifest for a snapshot."""
    added_entries = [
        ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=snapshot_id, data_file=file)
        for file in added
    ]
    with open_manifest(
        metadata.format_version,
        metadata.specs()[spec_id],
        metadata.schema(),
        staging.new_output(location),
        snapshot_id,
        compression_of(metadata),
    ) as writer:
        for entry in added_entries:
            writer.add_entry(entry)
        for entry in existing:
            writer.existing(entry)
    return Listed(writer.to_manifest_file(), tuple(added_entries))


def _is_below(listed: Listed, limit: int, spec_id: int) -> bool:
    file = listed.file
    return file.content == ManifestContent.DATA and file.partition_spec_id == spec_id and listed.files < limit


def _fields(file: ManifestFile) -> list[object]:
    return list(file._data)  # noqa: SLF001  # records of the library have no copy of their own


def _existing(entry: ManifestEntry) -> ManifestEntry:
    return ManifestEntry.from_args(
        status=ManifestEntryStatus.EXISTING,
        snapshot_id=entry.snapshot_id,
        sequence_number=entry.sequence_number,
        file_sequence_number=entry.file_sequence_number,
        data_file=entry.data_file,
    )


def _numbered(entry: ManifestEntry, sequence_number: int) -> ManifestEntry:
    if entry.sequence_number is not None:
        return entry
    return ManifestEntry.from_args(
        status=entry.status,
        snapshot_id=entry.snapshot_id,
        sequence_number=sequence_number,
        file_sequence_number=sequence_number,
        data_file=entry.data_file,
    )
