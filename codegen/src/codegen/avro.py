"""The subset of Avro that every target can express, as types."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.document import Place

# What Flink's DECIMAL, Iceberg's decimal and Trino's decimal hold at most.
MAX_PRECISION = 38


class Primitive(enum.Enum):
    """Avro's primitive types, without `float`, which loses digits, and `null`, which stands in Nullable only."""

    BOOLEAN = "boolean"
    INT = "int"
    LONG = "long"
    DOUBLE = "double"
    BYTES = "bytes"
    STRING = "string"


@dataclass(frozen=True, slots=True)
class TimestampMillis:
    """An instant in UTC, on the wire in milliseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Date:
    """A day of the proleptic Gregorian calendar, on the wire in days since 1970."""


@dataclass(frozen=True, slots=True)
class Decimal:
    """An exact number of at most `precision` digits, `scale` of them behind the point; bytes on the wire."""

    precision: int
    scale: int


@dataclass(frozen=True, slots=True)
class Array:
    """A list of values of one type."""

    items: AvroType


@dataclass(frozen=True, slots=True)
class Map:
    """Text keys to values of one type."""

    values: AvroType


@dataclass(frozen=True, slots=True)
class Nullable:
    """A value or null: exactly `["null", X]`."""

    of: AvroType


@dataclass(frozen=True, slots=True)
class Record:
    """Named fields in their order on the wire."""

    name: str
    doc: str
    fields: tuple[Field, ...]
    namespace: str = ""


Scalar = Primitive | TimestampMillis | Date | Decimal
AvroType = Scalar | Array | Map | Nullable | Record


@dataclass(frozen=True, slots=True)
class Default:
    """What a reader puts where the writer's version has no such field, as JSON has it."""

    value: Any = field(hash=False)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record; `allowed` is its closed set of values, empty where any value of the type may stand.

    `place` is where its contract has it; two fields that differ in nothing else are equal.
    """

    name: str
    type: AvroType
    doc: str
    allowed: tuple[str, ...] = ()
    personal: bool = False
    default: Default | None = None
    place: Place = field(default=(), compare=False, repr=False)

    @property
    def nullable(self) -> bool:
        """Return whether null may stand here."""
        return isinstance(self.type, Nullable)

    @property
    def bare(self) -> AvroType:
        """Return the type without its nullability."""
        return self.type.of if isinstance(self.type, Nullable) else self.type


def innermost(kind: AvroType) -> AvroType:
    """Return what a type holds when its arrays, maps and nullability are taken off."""
    while isinstance(kind, Array | Map | Nullable):
        kind = kind.items if isinstance(kind, Array) else kind.values if isinstance(kind, Map) else kind.of
    return kind


def walk(record: Record) -> Iterator[tuple[tuple[str, ...], Field]]:
    """Yield every field of a record and of the records inside it, each with its path of names."""
    for each in record.fields:
        yield (each.name,), each
        inner = innermost(each.type)
        if isinstance(inner, Record):
            for path, nested in walk(inner):
                yield (each.name, *path), nested


def nested_records(record: Record) -> Iterator[Record]:
    """Yield the records inside a record, each after those inside it, and each once."""
    seen: set[str] = set()
    for inner in _inside(record):
        if inner.name not in seen:
            seen.add(inner.name)
            yield inner


def _inside(record: Record) -> Iterator[Record]:
    for each in record.fields:
        inner = innermost(each.type)
        if isinstance(inner, Record):
            yield from _inside(inner)
            yield inner
