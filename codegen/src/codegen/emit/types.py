"""What each target calls a type that holds no other types: the one table from which all printers take the names.

`contracts/README.md` shows it, and a test holds the two together. How a target writes lists, maps, records and null is
its printer's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from codegen.avro import Date, Decimal, Primitive, TimestampMillis

if TYPE_CHECKING:
    from codegen.avro import Scalar


@dataclass(frozen=True, slots=True)
class Names:
    """A type's names, without nullability; in those of a decimal `{p}` and `{s}` stand for precision and scale.

    Sources, in the order of the fields: the annotations of Pydantic models; the arguments of encoders, which take what
    is on the wire; Flink's Avro format, by its default mapping of times; https://iceberg.apache.org/spec/#primitive-types;
    https://trino.io/docs/current/connector/iceberg.html#iceberg-to-trino-type-mapping, as DESCRIBE shows it;
    https://www.postgresql.org/docs/current/datatype.html, as format_type() shows it; JSON, as Pydantic writes it.
    """

    avro: str
    python: str
    encoder: str
    flink: str
    iceberg: str
    trino: str
    postgres: str
    json: str


_PRIMITIVES = {
    Primitive.BOOLEAN: Names("boolean", "bool", "bool", "BOOLEAN", "boolean", "boolean", "boolean", "boolean"),
    # Whole numbers are bigint in Postgres, so that an int that becomes long, which Avro and Iceberg follow, rewrites no
    # table.
    Primitive.INT: Names("int", "Int", "int", "INT", "int", "integer", "bigint", "number"),
    Primitive.LONG: Names("long", "Long", "int", "BIGINT", "long", "bigint", "bigint", "number"),
    Primitive.DOUBLE: Names("double", "float", "float", "DOUBLE", "double", "double", "double precision", "number"),
    Primitive.BYTES: Names("bytes", "bytes", "bytes", "BYTES", "binary", "varbinary", "bytea", "string"),
    Primitive.STRING: Names("string", "str", "str", "STRING", "string", "varchar", "text", "string"),
}
# Flink reads an instant as TIMESTAMP, in UTC. The lake keeps microseconds, whatever the wire has.
_INSTANT = Names(
    avro="timestamp-millis",
    python="Timestamp",
    encoder="int",
    flink="TIMESTAMP(3)",
    iceberg="timestamptz",
    trino="timestamp(6) with time zone",
    postgres="timestamp with time zone",
    json="string",
)
_DAY = Names("date", "Date", "int", "DATE", "date", "date", "date", "string")
_DECIMAL = Names(
    avro="decimal({p}, {s})",
    python="Annotated[Decimal, Field(max_digits={p}, decimal_places={s})]",
    encoder="Decimal",
    flink="DECIMAL({p}, {s})",
    iceberg="decimal({p}, {s})",
    trino="decimal({p},{s})",
    postgres="numeric({p},{s})",
    json="string",
)


def names(kind: Scalar) -> Names:
    """Return what each target calls a type."""
    match kind:
        case Primitive():
            return _PRIMITIVES[kind]
        case TimestampMillis():
            return _INSTANT
        case Date():
            return _DAY
        case Decimal(precision, scale):
            filled = {name: getattr(_DECIMAL, name).format(p=precision, s=scale) for name in Names.__slots__}
            return Names(**filled)
    assert_never(kind)
