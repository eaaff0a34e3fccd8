"""Rules on how tables are maintained."""

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
