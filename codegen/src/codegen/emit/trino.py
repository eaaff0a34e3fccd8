"""How Trino's Iceberg connector shows the lake's columns; no files of its own, other emitters print it."""

from __future__ import annotations

from typing import assert_never

from codegen.avro import Array, AvroType, Date, Decimal, Map, Nullable, Primitive, Record, TimestampMillis
from codegen.emit.types import names


def trino_type(kind: AvroType) -> str:
    """Return a column's type as Trino's DESCRIBE has it; Trino keeps nullability apart from types."""
    match kind:
        case Primitive() | TimestampMillis() | Date() | Decimal():
            return names(kind).trino
        case Array(items):
            return f"array({trino_type(items)})"
        case Map(values):
            return f"map({trino_type(Primitive.STRING)}, {trino_type(values)})"
        case Record(fields=fields):
            return "row(" + ", ".join(f"{field.name} {trino_type(field.type)}" for field in fields) + ")"
        case Nullable(of):
            return trino_type(of)
    assert_never(kind)
