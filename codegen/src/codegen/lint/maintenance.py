"""Rules on how tables are maintained, and on how long their rows stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lake import maintained
from codegen.maintenance import ORPHAN_HOURS_FLOOR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.findings import Finding
    from codegen.model import Catalog


def hasty(catalog: Catalog) -> Iterator[Finding]:
    """Yield tables that would delete a file before its writer has had the time to commit it."""
    for table, kept in maintained(catalog):
        if kept.keep_orphans_hours < ORPHAN_HOURS_FLOOR:
            message = (
                f"{table.identifier} deletes after {kept.keep_orphans_hours} h what no snapshot names; a file that is "
                "still to be committed may be as old"
            )
            place = ("maintenance", "keep_orphans_hours")
            yield table.source.finding("maintenance", place, message, f"keep it for {ORPHAN_HOURS_FLOOR} h or more")


def undated(catalog: Catalog) -> Iterator[Finding]:
    """Yield tables whose rows are to be deleted after some days, and that are not partitioned by days."""
    partitions = {table.identifier: table.partition for table in catalog.tables}
    for table, kept in maintained(catalog):
        parts = partitions.get(table.identifier, ())
        if kept.retention_days is not None and [each.transform for each in parts] != ["day"]:
            message = f"rows of {table.identifier} are to be deleted by their days, and it is not partitioned by days"
            place = ("maintenance", "retention_days")
            yield table.source.finding(
                "retention", place, message, "partition it by the day of one column, or remove it"
            )
