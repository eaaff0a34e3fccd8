"""How every table of the lake is kept small: `maintenance.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lake import maintained
from codegen.text import PACKAGE, notice, render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Catalog, GeneratedFile


def emit(catalog: Catalog) -> Iterator[GeneratedFile]:
    """Yield the module that lists every table with its maintenance."""
    partitions = {
        table.identifier: tuple((each.field, each.transform) for each in table.partition) for table in catalog.tables
    }
    yield render(
        f"{PACKAGE}/maintenance.py",
        "maintenance.py",
        notice=notice("contracts/tables, contracts/derived"),
        tables=[(table, kept, partitions.get(table.identifier, ())) for table, kept in maintained(catalog)],
    )
