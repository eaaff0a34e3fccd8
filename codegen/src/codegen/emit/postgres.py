"""Tables of the operational database: `postgres/<table>.sql` and `database.py`.

Every statement can be run again: it makes a table that is missing, and adds to one of an earlier version what it
lacks. An identifier is quoted, so that no word of SQL can come in its way.
"""

from __future__ import annotations

from dataclasses import dataclass
from inspect import getsource
from typing import TYPE_CHECKING, assert_never

from codegen import widening
from codegen.avro import Array, AvroType, Date, Decimal, Map, Nullable, Primitive, Record, TimestampMillis
from codegen.emit.types import names
from codegen.text import PACKAGE, constant, file, notice, render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.database import DatabaseTable, Index, IndexColumn
    from codegen.model import Catalog, GeneratedFile


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `add` is the statement that adds it to a table of an earlier version."""

    name: str
    type: str
    required: bool
    add: str

    @property
    def definition(self) -> str:
        """Return the column as a CREATE TABLE has it."""
        return f'"{self.name}" {self.type}{" NOT NULL" if self.required else ""}'


def emit(catalog: Catalog) -> Iterator[GeneratedFile]:
    """Yield the statements of each table as SQL, and all tables as a module."""
    tables = []
    for table in catalog.database:
        held = columns(table, catalog.record(table.record, table.version).record)
        statements = {
            "create": create(table, held),
            "indexes": [(index, shown(index), create_index(table, index)) for index in table.indexes],
            "insert": insert(table, held),
        }
        tables.append((constant(table.name), table, held, statements))
        yield render(
            f"postgres/{table.name}.sql",
            "database.sql",
            notice=notice(f"contracts/{table.source.path}"),
            table=table,
            columns=[column for column in held if column.name not in table.key],
            **statements,
        )
    yield render(f"{PACKAGE}/database.py", "database.py", notice=notice("contracts/database"), tables=tables)
    # To the letter what `codegen compat` goes by: what it lets pass, a deployment carries out.
    yield file(f"{PACKAGE}/widening.py", f"# {notice('codegen/src/codegen/widening.py')}\n{getsource(widening)}")


def columns(table: DatabaseTable, record: Record) -> tuple[Column, ...]:
    """Return a column for each field of the table's record."""
    found = []
    for field in record.fields:
        bare = Column(field.name, sql_type(field.type), not field.nullable, "")
        add = f'ALTER TABLE "{table.name}" ADD COLUMN IF NOT EXISTS {bare.definition}'
        found.append(Column(bare.name, bare.type, bare.required, add))
    return tuple(found)


def create(table: DatabaseTable, held: tuple[Column, ...]) -> str:
    """Return the statement that makes a table."""
    lines = [*(column.definition for column in held), f"PRIMARY KEY ({_quoted(table.key)})"]
    return f'CREATE TABLE IF NOT EXISTS "{table.name}" (\n    ' + ",\n    ".join(lines) + "\n)"


def create_index(table: DatabaseTable, index: Index) -> str:
    """Return the statement that makes an index, while others read and write; not to be run in a transaction."""
    parts = (f"{_sought(each)}{' DESC' if each.order == 'descending' else ''}" for each in index.columns)
    create = f'CREATE INDEX CONCURRENTLY IF NOT EXISTS "{index.name}" ON "{table.name}" ({", ".join(parts)})'
    present = " AND ".join(f"{_sought(each)} IS NOT NULL" for each in index.columns if each.key is not None)
    return f"{create} WHERE {present}" if present else create


def shown(index: Index) -> tuple[tuple[str, bool], ...]:
    """Return what an index is on, each with whether it descends, as Postgres shows it.

    That is a column's name, or an expression as pg_get_indexdef() writes it.
    """
    return tuple(
        (
            each.field if each.key is None else f"({each.field} ->> '{each.key}'::text)",
            each.order == "descending",
        )
        for each in index.columns
    )


def _sought(column: IndexColumn) -> str:
    return f'"{column.field}"' if column.key is None else f"(\"{column.field}\" ->> '{column.key}')"


def insert(table: DatabaseTable, held: tuple[Column, ...]) -> str:
    """Return the statement that adds a row, with a parameter for each column, and leaves one that is there as it is."""
    names = _quoted(column.name for column in held)
    parameters = ", ".join(f"${number}" for number in range(1, len(held) + 1))
    into = f'INSERT INTO "{table.name}" ({names})'
    return f"{into} VALUES ({parameters}) ON CONFLICT ({_quoted(table.key)}) DO NOTHING"


def sql_type(kind: AvroType) -> str:
    """Return a column's type as Postgres' format_type() shows it, without nullability."""
    match kind:
        case Primitive() | TimestampMillis() | Date() | Decimal():
            return names(kind).postgres
        case Array() | Map() | Record():
            return "jsonb"
        case Nullable(of):
            return sql_type(of)
    assert_never(kind)


def json_type(kind: AvroType) -> str:
    """Return what a reader of a jsonb column finds, in words and without nullability; a record's fields are apart."""
    match kind:
        case Primitive() | TimestampMillis() | Date() | Decimal():
            return names(kind).json
        case Array(items):
            return f"array of {json_type(items)}"
        case Map(values):
            return f"object of {json_type(values)}"
        case Record():
            return "object"
        case Nullable(of):
            return json_type(of)
    assert_never(kind)


def shown_type(kind: AvroType) -> str:
    """Return a column's type, with what is in it where it is jsonb."""
    outer = sql_type(kind)
    return f"{outer} ({json_type(kind)})" if outer == "jsonb" else outer


def _quoted(names: Iterator[str] | tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)
