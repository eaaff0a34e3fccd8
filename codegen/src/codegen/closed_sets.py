"""What a contract says of the values of derived columns: closed sets, and whether they tell who somebody is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.avro import walk
from codegen.derived import LAYERS, Column

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codegen.avro import Field
    from codegen.derived import DerivedColumn
    from codegen.model import Catalog


def stored_fields(catalog: Catalog) -> dict[Column, Field]:
    """Return the field behind each column of Bronze, and behind each member inside one."""
    return {
        Column(table.identifier, path): field
        for table in catalog.tables
        for version in catalog.records.get(table.record, ())
        if version.version == table.version
        for path, field in walk(version.record)
    }


def closed_set(column: DerivedColumn, fields: Mapping[Column, Field]) -> tuple[str, ...]:
    """Return the values that a column may have; empty where any are. A copy of a column has that one's."""
    copied = column.sources[0] if not column.doc and len(column.sources) == 1 else None
    origin = column.values_of or copied
    named = fields.get(origin) if origin is not None else None
    return tuple(dict.fromkeys((*(named.allowed if named is not None else ()), *column.values)))


def personal_columns(catalog: Catalog) -> frozenset[Column]:
    """Return every column of the lake whose values tell who somebody is, by its contract or by its one source."""
    found = {column for column, field in stored_fields(catalog).items() if field.personal}
    for table in sorted(catalog.derived, key=lambda each: LAYERS.index(each.namespace)):
        for column in table.columns:
            handed_on = column.personal is None and len(column.sources) == 1 and column.sources[0] in found
            if column.personal or handed_on:
                found.add(Column(table.identifier, (column.name,)))
    return frozenset(found)
