"""Where the job goes on: the newest of its savepoints and retained checkpoints."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

_COMPLETE = re.compile(r"(?P<path>.*/(?:chk-(?P<number>\d+)|savepoint-[^/]+))/_metadata")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file below the job's checkpoint or savepoint directory, with its path as Flink writes it."""

    path: str
    modified_at: datetime


def newest(files: Iterable[StoredFile]) -> str | None:
    """Return the path to recover from, or None when the job never ran.

    A snapshot without `_metadata` was never completed and does not count. Flink commits a transaction only after
    it wrote the `_metadata` that names it, so the newest one is never behind what readers have already seen.
    """
    found = [
        (file.modified_at, int(match["number"] or 0), match["path"])
        for file in files
        if (match := _COMPLETE.fullmatch(file.path))
    ]
    return max(found)[2] if found else None
