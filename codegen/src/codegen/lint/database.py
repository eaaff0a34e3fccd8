"""Rules on tables of the operational database."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from codegen.avro import Array, Field, Map, Nullable, Primitive, Record
from codegen.lint.flows import misfiled, no_record, record_of
from codegen.suggestion import meant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.database import DatabaseTable
    from codegen.document import Place
    from codegen.findings import Finding
    from codegen.model import Catalog

# https://www.postgresql.org/docs/current/sql-syntax-lexical.html: what is longer is cut without an error.
_LONGEST: Final = 63
# https://www.postgresql.org/docs/current/ddl-system-columns.html: every table has these already.
_SYSTEM: Final = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
# What Postgres calls the index of a primary key.
_KEY_SUFFIX: Final = "_pkey"


def tables(catalog: Catalog) -> Iterator[Finding]:
    """Yield tables that name what does not exist, does not fit, or has a name that Postgres does not keep."""
    names = Counter(name for table in catalog.database for name, _ in _relations(table))
    for table in catalog.database:
        yield from misfiled("database", table.source, f"database/{table.name}.yaml")
        for name, place in _relations(table):
            message = ""
            if names[name] > 1:
                message = f"{name!r} names two things of the database: tables and indexes share their names"
            elif len(name) > _LONGEST:
                message = f"{name!r} has more than {_LONGEST} characters, and Postgres cuts it"
            if message:
                yield table.source.finding("database", place, message, "choose another name")
        record = record_of(catalog, table.record, table.version)
        if record is None:
            yield no_record("database", table.source, table.record, table.version)
        else:
            yield from _columns(table, {field.name: field for field in record.fields})


def _relations(table: DatabaseTable) -> Iterator[tuple[str, Place]]:
    yield table.name, ("name",)
    yield f"{table.name}{_KEY_SUFFIX}", ("name",)
    yield from ((index.name, ("indexes", index.name)) for index in table.indexes)


def _columns(table: DatabaseTable, fields: dict[str, Field]) -> Iterator[Finding]:
    for name in fields:
        if name in _SYSTEM or len(name) > _LONGEST:
            what = "a column of every table" if name in _SYSTEM else f"longer than {_LONGEST} characters"
            message = f"{table.record} v{table.version} has a field {name!r}, which is {what} in Postgres"
            yield table.source.finding("database", ("version",), message, "hold a record without it")
    used: list[tuple[Place, str, bool]] = [(("key", index), name, False) for index, name in enumerate(table.key)]
    for each in table.indexes:
        used += [
            (("indexes", each.name, "columns", index, "field"), column.field, column.key is not None)
            for index, column in enumerate(each.columns)
        ]
    for place, name, entry in used:
        if name not in fields:
            message = f"{table.record} v{table.version} has no field {name!r}{meant(name, fields)}"
            yield table.source.finding("database", place, message, "name one of its fields")
        elif entry:
            if fields[name].bare != Map(Primitive.STRING):
                message = f"{name!r} is not a map of texts, of which one could be looked up"
                yield table.source.finding("database", place, message, "remove its `key`")
        elif message := _unfit(fields[name], key=place[0] == "key"):
            yield table.source.finding("database", place, message, "choose a field that holds one exact value")


def _unfit(field: Field, *, key: bool) -> str:
    """Return why a field can neither identify a row nor order an index, or nothing."""
    match field.bare:
        case Array() | Map() | Record():
            return f"{field.name!r} is not a single value that rows can be looked up by"
        case Primitive.DOUBLE if key:
            return f"the key {field.name!r} is a double, which identifies no row"
    return f"the key {field.name!r} may be null" if key and isinstance(field.type, Nullable) else ""
