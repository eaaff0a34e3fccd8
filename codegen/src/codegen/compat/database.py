"""Rules on tables of the operational database: what queries rely on stays, and stored rows stay true.

`payments database apply` adds columns and indexes, and never changes or drops what is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.avro import Field, walk
from codegen.compat.breakage import Breakage, broken, gone
from codegen.emit.postgres import json_type, shown_type
from codegen.lint.flows import record_of
from codegen.widening import widens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.database import DatabaseTable
    from codegen.model import Catalog


def removed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield tables that are gone."""
    names = {table.name for table in new.database}
    for table in old.database:
        if table.name not in names:
            message = f"the table {table.name} of the database is gone, and its rows remain"
            yield gone(("database", table.name), table.source, message, "put it back")


def key_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield tables whose key has other columns, or the same in another order."""
    for before, after in _both(old, new):
        if before.key != after.key:
            message = f"the key of {after.name} was {', '.join(before.key)} and is to be {', '.join(after.key)}"
            hint = "leave the key: stored rows are told apart by it"
            yield broken(("database", after.name, "key"), after.source, ("key",), message, hint)


def columns_removed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield columns that are gone, and what is gone inside those of jsonb."""
    for table, before, after in _columns(old, new):
        for path in before:
            if path not in after and (parent(path) in after or not parent(path)):
                message = f"the column {path} of {table.name} is no longer written; queries know it"
                hint = "keep the field; one with another name is a new column beside the old one"
                yield broken(("database", table.name, path), table.source, ("version",), message, hint)


def types_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield columns of another type; a decimal may get more digits before the point."""
    for table, before, after in _columns(old, new):
        for path in before.keys() & after.keys():
            one, other = type_of(path, before[path]), type_of(path, after[path])
            if one != other and not widens(one, other):
                message = f"the column {path} of {table.name} was {one} and is to be {other}"
                hint = "leave the type; a field with another name is a new column beside the old one"
                yield broken(("database", table.name, path), table.source, ("version",), message, hint)


def required(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield columns that stored rows may lack and that must now be there."""
    for table, before, after in _columns(old, new):
        for path, field in after.items():
            if field.nullable or (path in before and not before[path].nullable):
                continue
            if path in before:
                message = f"the column {path} of {table.name} may be null in stored rows and is to be required"
            elif not parent(path) or parent(path) in before:
                message = f"the new column {path} of {table.name} is required, and stored rows have none"
            else:
                continue
            concern = ("database", table.name, path)
            yield broken(concern, table.source, ("version",), message, "make the field nullable")


def indexes_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield indexes that are gone, or are to have other columns under their name."""
    for before, after in _both(old, new):
        present = {index.name: index for index in after.indexes}
        for index in before.indexes:
            concern = ("database", after.name, f"index {index.name}")
            if index.name not in present:
                message = f"the index {index.name} of {after.name} is gone, by which queries find their rows"
                yield broken(concern, after.source, ("indexes",), message, "put it back")
            elif index.columns != present[index.name].columns:
                one, other = (", ".join(map(str, each.columns)) for each in (index, present[index.name]))
                message = f"the index {index.name} of {after.name} was on {one} and is to be on {other}"
                hint = "add an index of another name beside it"
                yield broken(concern, after.source, ("indexes", index.name), message, hint)


def columns_of(catalog: Catalog, table: DatabaseTable) -> dict[str, Field]:
    """Return the fields of a table's record by path, with those inside columns of jsonb."""
    return {".".join(path): field for path, field in walk(catalog.record(table.record, table.version).record)}


def type_of(path: str, field: Field) -> str:
    """Return a column's type in Postgres, or what a member of a jsonb column is in JSON."""
    return json_type(field.type) if parent(path) else shown_type(field.type)


def parent(path: str) -> str:
    """Return the path of what a member is inside of; empty for a column."""
    return path.rpartition(".")[0]


def _columns(old: Catalog, new: Catalog) -> Iterator[tuple[DatabaseTable, dict[str, Field], dict[str, Field]]]:
    for before, after in _both(old, new):
        yield after, columns_of(old, before), columns_of(new, after)


def _both(old: Catalog, new: Catalog) -> Iterator[tuple[DatabaseTable, DatabaseTable]]:
    after = {table.name: table for table in new.database}
    for table in old.database:
        if table.name in after and record_of(old, table.record, table.version):
            yield table, after[table.name]
