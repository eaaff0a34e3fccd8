"""Where the job goes on: the newest of its savepoints and retained checkpoints."""

import re
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

_NUMBERED = re.compile(r".*/chk-(?P<number>\d+)/_metadata")
_SCHEME = re.compile(r"^[a-z0-9]+:/*")
_COMPLETE = re.compile(r"(?P<path>.*/(?:chk-\d+|savepoint-[^/]+))/_metadata")
_HEADER = struct.Struct(">iiq")
_MAGIC = 0x4960672D
# S3 tells times in whole seconds, in which a job makes ten checkpoints and a savepoint.
_SAME_TIME = timedelta(seconds=2)

# A job retains three checkpoints, and counts those that failed, too.
_NEAR = 10

HEADER_BYTES = _HEADER.size


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file below the job's checkpoint or savepoint directory, with its path as Flink writes it."""

    path: str
    modified_at: datetime


def newest(files: Iterable[StoredFile], read_header: Callable[[str], bytes]) -> StoredFile | None:
    """Return the path to recover from and when it was written, or None when the job never ran.

    A snapshot without `_metadata` was never completed and does not count. Flink commits a transaction only after
    it wrote the `_metadata` that names it, so the newest one is never behind what readers have already seen. Of those
    written at about the same time, the number decides that all of them share: checkpoints and savepoints are counted
    together, and a job that goes on from one counts on.

    Args:
        files: What there is.
        read_header: Returns the first HEADER_BYTES of a file.

    Raises:
        ValueError: A `_metadata` is not what Flink writes.
    """
    found = {
        file.path: (match["path"], file.modified_at) for file in files if (match := _COMPLETE.fullmatch(file.path))
    }
    if not found:
        return None
    last = max(modified_at for _, modified_at in found.values())
    late = [path for path, (_, modified_at) in found.items() if modified_at >= last - _SAME_TIME]
    chosen = late[0] if len(late) == 1 else max(late, key=lambda path: _number(path, read_header(path)))
    return StoredFile(*found[chosen])


def written_at(files: Iterable[StoredFile], path: str, number: int) -> datetime | None:
    """Return when the snapshot was written that a job went on from, or None where no file tells.

    Flink deletes it within seconds, when newer ones replace it. The checkpoints that were retained beside it are of a
    life before, nobody deletes them, and the last of them is seconds older.

    Args:
        files: What there is.
        path: Where the snapshot was, as Flink writes it.
        number: Its number.
    """
    found: list[tuple[int, datetime]] = []
    for file in files:
        match = _NUMBERED.fullmatch(file.path)
        if _bare(file.path) == f"{_bare(path)}/_metadata":
            return file.modified_at
        if match and number - _NEAR <= int(match["number"]) <= number:
            found.append((int(match["number"]), file.modified_at))
    return max(found)[1] if found else None


def _bare(path: str) -> str:
    # Flink writes one slash where there is no host, and others three.
    return _SCHEME.sub("", path)


def _number(path: str, header: bytes) -> int:
    """Return the number of a checkpoint or savepoint.

    Flink's MetadataV2V3SerializerBase writes it after the magic number and the version of the format.
    """
    if len(header) == _HEADER.size:
        magic, _version, number = _HEADER.unpack(header)
        if magic == _MAGIC:
            return int(number)
    raise ValueError(f"{path} does not begin as Flink's metadata do: move it away, and start again")
