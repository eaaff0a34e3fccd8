"""The type of a field as each target has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from codegen.avro import (
    Array,
    AvroType,
    Date,
    Decimal,
    Field,
    Map,
    Nullable,
    Primitive,
    Record,
    TimestampMillis,
)
from codegen.emit.flink import bare_type
from codegen.emit.pydantic import plain_type
from codegen.emit.trino import trino_type
from codegen.emit.types import names

if TYPE_CHECKING:
    from collections.abc import Iterator


def types_of(field: Field) -> Iterator[tuple[str, str]]:
    """Yield the name of each target and the field's type in it, without nullability; closed sets as plain texts."""
    bare = Field(field.name, field.bare, field.doc)
    yield "Avro", avro(field.bare)
    yield "Python", plain_type(bare)
    yield "Flink", bare_type(field.bare)
    yield "Iceberg", iceberg(field.bare)
    yield "Trino", trino_type(field.bare)


def avro(kind: AvroType) -> str:
    """Return a type as people speak of it."""
    match kind:
        case Primitive() | TimestampMillis() | Date() | Decimal():
            return names(kind).avro
        case Array(items):
            return f"array of {avro(items)}"
        case Map(values):
            return f"map of {avro(values)}"
        case Nullable(of):
            return f"{avro(of)} or null"
        case Record(name=name):
            return f"record {name}"
    assert_never(kind)


def iceberg(kind: AvroType) -> str:
    """Return the type of an Iceberg column. https://iceberg.apache.org/spec/#schemas-and-data-types."""
    match kind:
        case Primitive() | TimestampMillis() | Date() | Decimal():
            return names(kind).iceberg
        case Array(items):
            return f"list<{iceberg(items)}>"
        case Map(values):
            return f"map<{iceberg(Primitive.STRING)}, {iceberg(values)}>"
        case Nullable(of):
            return iceberg(of)
        case Record(fields=fields):
            return "struct<" + ", ".join(f"{each.name}: {iceberg(each.bare)}" for each in fields) + ">"
    assert_never(kind)
