"""How Trino's Iceberg connector shows the lake's columns; no files of its own, other emitters print it."""

from __future__ import annotations

from typing import assert_never

from codegen.avro import Array, AvroType, Date, Decimal, Map, Nullable, Primitive, Record, TimestampMillis


def trino_type(kind: AvroType) -> str:  # noqa: C901, PLR0911, PLR0912 - one case for each type
    """Return a column's type as Trino's DESCRIBE has it; Trino keeps nullability apart from types.

    Source: https://trino.io/docs/current/connector/iceberg.html#iceberg-to-trino-type-mapping.
    """
    match kind:
        case Primitive.BOOLEAN:
            return "boolean"
        case Primitive.INT:
            return "integer"
        case Primitive.LONG:
            return "bigint"
        case Primitive.DOUBLE:
            return "double"
        case Primitive.BYTES:
            return "varbinary"
        case Primitive.STRING:
            return "varchar"
        case TimestampMillis():
            # The lake keeps microseconds, whatever the wire has.
            return "timestamp(6) with time zone"
        case Date():
            return "date"
        case Decimal(precision, scale):
            return f"decimal({precision},{scale})"
        case Array(items):
            return f"array({trino_type(items)})"
        case Map(values):
            return f"map(varchar, {trino_type(values)})"
        case Record(fields=fields):
            return "row(" + ", ".join(f"{field.name} {trino_type(field.type)}" for field in fields) + ")"
        case Nullable(of):
            return trino_type(of)
    assert_never(kind)
