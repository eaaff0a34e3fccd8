"""How a table of the lake is kept small: when its files are merged, and how long what is no longer current stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ORPHAN_HOURS_FLOOR = 6
"""A file is an orphan from its writing to its commit. A commit may wait for a catalog that is away, and the longest
run that writes is ended after half an hour: a file that no snapshot names after this long is one that none will name.
"""


@dataclass(frozen=True, slots=True)
class Maintenance:
    """The values of a table's `maintenance`; contracts/meta/table.schema.json says what each means."""

    small_file_mib: int
    small_files: int
    manifests: int
    keep_snapshots_hours: int
    keep_orphans_hours: int
    retention_days: int | None = None


def maintenance(data: Mapping[str, Any]) -> Maintenance | None:
    """Return the maintenance that a table's file declares; None in contracts of an earlier commit, which had none."""
    return Maintenance(**data["maintenance"]) if "maintenance" in data else None
