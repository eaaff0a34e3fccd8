"""Which data files may hold a key: what a look-up needs to know of each, without opening it."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pyiceberg.expressions.literals import Literal, LongLiteral
from pyiceberg.manifest import DataFile, DataFileContent, ManifestEntry
from pyiceberg.schema import Schema
from pyiceberg.types import TimestampType, TimestamptzType
from pyiceberg.utils.datetime import datetime_to_micros

from kit.errors import Fault
from kit.lake.rows import Row

Range = tuple[int, int]
"""Smallest and largest time, in microseconds since 1970."""

_RANGE_IN_NAME = re.compile(r"-t(\d+)\.(-?\d+)\.(-?\d+)\.avro$")


@dataclass(frozen=True, slots=True)
class FileBounds:
    """A data file, and between what its keys and times lie; None where the file does not say.

    `file` holds only what reading it takes, since thousands of these are kept.
    """

    file: DataFile
    smallest_key: str | None
    largest_key: str | None
    times: Range | None


DAY_MICROS = 86_400_000_000


class KeyColumns:
    """The columns by which a row is found: its key, and a time that is equal for equal keys, if the table has one.

    `followed_by` is another time, that of the row's coming for instance, which is no more than a day before the first:
    where the table is partitioned by it, partitions before that are left out.

    Raises:
        Fault: The table has no such columns, or they are of other types.
    """

    def __init__(self, schema: Schema, key: str, narrow_by: str | None, followed_by: str | None = None) -> None:
        self.key = key
        self.narrow_by = narrow_by
        self.followed_by = followed_by
        try:
            self._key_id = schema.find_field(key).field_id
            narrow = None if narrow_by is None else schema.find_field(narrow_by)
            following = None if followed_by is None else schema.find_field(followed_by)
        except ValueError as error:
            raise Fault(f"the table lacks a column that rows are looked up by: {error}") from error
        if narrow is not None and not isinstance(narrow.field_type, TimestampType | TimestamptzType):
            raise Fault(f"column {narrow_by} must hold times: look-ups are narrowed by it")
        if following is not None and (narrow is None or following.field_type != narrow.field_type):
            raise Fault(
                f"column {followed_by} must hold times of the kind of {narrow_by}: look-ups are narrowed by both"
            )
        self._narrow_id = None if narrow is None else narrow.field_id
        self._has_zone = narrow is not None and isinstance(narrow.field_type, TimestamptzType)

    def bounds(self, entries: Iterable[ManifestEntry]) -> tuple[FileBounds, ...]:
        """Return the bounds of the data files of a manifest's entries."""
        return tuple(
            self._bounds(entry.data_file) for entry in entries if entry.data_file.content == DataFileContent.DATA
        )

    def times(self, files: Sequence[FileBounds]) -> Range | None:
        """Return the range of times over all files; None if one of them does not say."""
        ranges = [file.times for file in files if file.times is not None]
        if len(ranges) < len(files) or not ranges:
            return None
        return min(low for low, _ in ranges), max(high for _, high in ranges)

    def literal_of(self, micros: int) -> Literal[int]:
        """Return a time as the library compares it with the column by which look-ups are narrowed."""
        return LongLiteral(micros).to(TimestamptzType() if self._has_zone else TimestampType())

    def suffix(self, times: Range | None) -> str:
        """Return what a manifest's name ends with, so that who starts anew need not read it to know its times."""
        if times is None or self._narrow_id is None:
            return ".avro"
        return f"-t{self._narrow_id}.{times[0]}.{times[1]}.avro"

    def times_in_name(self, path: str) -> Range | None:
        """Return the range of times that a manifest's name tells, None if it tells none of this column."""
        found = _RANGE_IN_NAME.search(path)
        if found is None or int(found[1]) != self._narrow_id:
            return None
        return int(found[2]), int(found[3])

    def _bounds(self, file: DataFile) -> FileBounds:
        low, high = file.lower_bounds or {}, file.upper_bounds or {}
        times: Range | None = None
        if self._narrow_id in low and self._narrow_id in high:
            times = (
                int.from_bytes(low[self._narrow_id], "little", signed=True),
                int.from_bytes(high[self._narrow_id], "little", signed=True),
            )
        slim = DataFile.from_args(
            content=file.content,
            file_path=file.file_path,
            file_format=file.file_format,
            partition=file.partition,
            record_count=file.record_count,
            file_size_in_bytes=file.file_size_in_bytes,
        )
        slim.spec_id = file.spec_id
        return FileBounds(slim, _text(low.get(self._key_id)), _text(high.get(self._key_id)), times)


class Wanted:
    """Keys to be looked for, in the order of their times."""

    def __init__(self, columns: KeyColumns, rows: Mapping[str, Row]) -> None:
        self.keys = frozenset(rows)
        self.narrow = columns.narrow_by is not None
        timed = sorted((_micros(columns.narrow_by, row), key) for key, row in rows.items())
        self._times = [at for at, _ in timed]
        self._by_time = [key for _, key in timed]

    @property
    def range(self) -> Range:
        """The smallest and the largest time."""
        return self._times[0], self._times[-1]

    def may_be_within(self, times: Range | None) -> bool:
        """Tell whether a key's time lies in the range, or that is not known."""
        return not self.narrow or times is None or bool(self._within(times))

    def may_be_in(self, file: FileBounds) -> bool:
        """Tell whether the file may hold one of the keys."""
        if self.narrow and file.times is not None:
            keys: Iterable[str] = self._within(file.times)
        else:
            keys = self._by_time
        low, high = file.smallest_key, file.largest_key
        if low is None or high is None:
            return any(True for _ in keys)
        # A bound that was cut short still bounds: the lower one is a prefix, the upper one was raised.
        return any(low <= key <= high for key in keys)

    def _within(self, times: Range) -> list[str]:
        return self._by_time[bisect_left(self._times, times[0]) : bisect_right(self._times, times[1])]


def _text(bound: bytes | None) -> str | None:
    # A bound that was cut within a character bounds nothing that can be compared as text.
    try:
        return None if bound is None else bound.decode()
    except UnicodeDecodeError:
        return None


def _micros(column: str | None, row: Row) -> int:
    if column is None:
        return 0
    at = row[column]
    if not isinstance(at, datetime):
        raise Fault(f"column {column} must hold a time: look-ups are narrowed by it")
    return datetime_to_micros(at)
