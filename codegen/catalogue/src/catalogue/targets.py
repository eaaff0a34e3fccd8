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


def avro(kind: AvroType) -> str:  # noqa: PLR0911 - one return for each type
    """Return a type as people speak of it."""
    match kind:
        case Primitive():
            return kind.value
        case TimestampMillis():
            return "timestamp-millis"
        case Date():
            return "date"
        case Decimal(precision, scale):
            return f"decimal({precision}, {scale})"
        case Array(items):
            return f"array of {avro(items)}"
        case Map(values):
            return f"map of {avro(values)}"
        case Nullable(of):
            return f"{avro(of)} or null"
        case Record(name=name):
            return f"record {name}"
    assert_never(kind)


def iceberg(kind: AvroType) -> str:  # noqa: PLR0911 - one return for each type
    """Return the type of an Iceberg column. https://iceberg.apache.org/spec/#schemas-and-data-types."""
    match kind:
        case Primitive.BOOLEAN | Primitive.INT | Primitive.LONG | Primitive.DOUBLE | Primitive.STRING:
            return str(kind.value)
        case Primitive.BYTES:
            return "binary"
        case TimestampMillis():
            return "timestamptz"
        case Date():
            return "date"
        case Decimal(precision, scale):
            return f"decimal({precision}, {scale})"
        case Array(items):
            return f"list<{iceberg(items)}>"
        case Map(values):
            return f"map<string, {iceberg(values)}>"
        case Nullable(of):
            return iceberg(of)
        case Record(fields=fields):
            return "struct<" + ", ".join(f"{each.name}: {iceberg(each.bare)}" for each in fields) + ">"
    assert_never(kind)
