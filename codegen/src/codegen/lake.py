"""Tables of the lake, whatever layer they are in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.derived import DerivedTable
    from codegen.maintenance import Maintenance
    from codegen.model import Catalog, Table


def maintained(catalog: Catalog) -> Iterator[tuple[Table | DerivedTable, Maintenance]]:
    """Yield every table of the lake that says how it is maintained: Bronze, then Silver, then Gold."""
    derived = sorted(catalog.derived, key=lambda each: each.namespace, reverse=True)
    tables: tuple[Table | DerivedTable, ...] = (*catalog.tables, *derived)
    for table in tables:
        if table.maintenance is not None:
            yield table, table.maintenance
