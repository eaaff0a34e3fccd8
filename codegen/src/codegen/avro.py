"""The subset of Avro that every target can express, as types."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.document import Document, Place
    from codegen.findings import Finding

_HINT = "use a type that every target can express; see contracts/README.md"


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


AvroType = Primitive | TimestampMillis | Array | Map | Nullable | Record


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record; `allowed` is its closed set of values, empty where any value of the type may stand."""

    name: str
    type: AvroType
    doc: str
    allowed: tuple[str, ...] = ()
    personal: bool = False

    @property
    def nullable(self) -> bool:
        """Return whether null may stand here."""
        return isinstance(self.type, Nullable)

    @property
    def bare(self) -> AvroType:
        """Return the type without its nullability."""
        return self.type.of if isinstance(self.type, Nullable) else self.type


class Reader:
    """Reads one .avsc file; what it cannot express is collected in `findings`."""

    def __init__(self, document: Document) -> None:
        """Take the file to read."""
        self._document = document
        self.findings: list[Finding] = []

    def record(self) -> Record | None:
        """Return the file's record, or None where the file does not hold one."""
        read = self._type(self._document.data, ())
        if isinstance(read, Record) and not self.findings:
            return read
        if not self.findings:
            self._refuse((), "the file does not hold a record")
        return None

    def _refuse(self, place: Place, message: str, hint: str = _HINT) -> None:
        self.findings.append(self._document.finding("avro-type", place, message, hint))

    def _type(self, data: Any, place: Place) -> AvroType | None:  # noqa: C901, PLR0911 - one return for each shape
        match data:
            case str():
                return self._primitive(data, place)
            case ["null", other]:
                of = self._type(other, (*place, 1))
                if isinstance(of, Nullable):
                    self._refuse(place, "a nullable type stands inside a nullable type")
                    return None
                return None if of is None else Nullable(of)
            case list():
                self._refuse(place, 'a union must be exactly ["null", X]')
                return None
            case {"logicalType": "timestamp-millis", "type": "long"}:
                return TimestampMillis()
            case {"logicalType": str(logical)}:
                self._refuse(place, f"the logical type {logical!r} is not supported")
                return None
            case {"type": "array", "items": items}:
                item = self._type(items, (*place, "items"))
                return None if item is None else Array(item)
            case {"type": "map", "values": values}:
                value = self._type(values, (*place, "values"))
                return None if value is None else Map(value)
            case {"type": "record", "name": str(name), "fields": [*fields]}:
                members = tuple(self._fields(fields, (*place, "fields")))
                return Record(name, str(data.get("doc", "")), members)
            case {"type": str(name)} if name in {member.value for member in Primitive}:
                return self._primitive(name, place)
        self._refuse(place, f"the type {data!r} is not supported")
        return None

    def _primitive(self, name: str, place: Place) -> Primitive | None:
        try:
            return Primitive(name)
        except ValueError:
            self._refuse(place, f"the type {name!r} is not supported")
            return None

    def _fields(self, fields: list[Any], place: Place) -> Iterator[Field]:
        for index, data in enumerate(fields):
            here = (*place, index)
            if not isinstance(data, dict) or "name" not in data or "type" not in data:
                self._refuse(here, "a field needs a name and a type", "add both")
                continue
            kind = self._type(data["type"], (*here, "type"))
            if kind is None:
                continue
            field = Field(
                name=str(data["name"]),
                type=kind,
                doc=str(data.get("doc", "")),
                allowed=tuple(str(value) for value in data.get("allowed_values", ())),
                personal=data.get("personal_data") is True,
            )
            if field.nullable and ("default" not in data or data["default"] is not None):
                self._refuse(here, f"the nullable field {field.name!r} has no default null", 'add "default": null')
            if field.allowed and field.bare is not Primitive.STRING:
                self._refuse(here, f"{field.name!r} has allowed_values but is not a string", "make it a string")
            yield field


def walk(record: Record) -> Iterator[tuple[tuple[str, ...], Field]]:
    """Yield every field of a record and of the records inside it, each with its path of names."""
    for field in record.fields:
        yield (field.name,), field
        inner = field.bare
        while isinstance(inner, Array | Map | Nullable):
            inner = inner.items if isinstance(inner, Array) else inner.values if isinstance(inner, Map) else inner.of
        if isinstance(inner, Record):
            for path, nested in walk(inner):
                yield (field.name, *path), nested
