"""Reads .avsc files into the types of `avro`; what no target could express is a finding, never another type."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, assert_never

from codegen.avro import (
    MAX_PRECISION,
    Array,
    AvroType,
    Date,
    Decimal,
    Default,
    Field,
    Map,
    Nullable,
    Primitive,
    Record,
    TimestampMillis,
)
from codegen.extension import is_inherited
from codegen.suggestion import meant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.document import Document, Place
    from codegen.findings import Finding

_HINT = "use a type that every target can express; see contracts/README.md"
_PRIMITIVES = {member.value for member in Primitive}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BITS = {Primitive.INT: 31, Primitive.LONG: 63}
# What to write instead of a type that one of the targets does not have.
_INSTEAD = {
    "enum": 'Flink SQL cannot read an enum: use a string with "allowed_values"',
    "fixed": "use bytes",
    "float": "use double, which loses no digits",
    "null": 'null is allowed in ["null", X] only',
    "timestamp-micros": "use timestamp-millis, which Flink and the lake read alike",
    "timestamp-nanos": "use timestamp-millis: the lake keeps microseconds",
    "local-timestamp-millis": "use timestamp-millis: an instant in UTC",
    "local-timestamp-micros": "use timestamp-millis: an instant in UTC",
    "time-millis": "Trino and Flink keep different precisions of a time of day: use an int and say its unit",
    "time-micros": "Trino and Flink keep different precisions of a time of day: use a long and say its unit",
    "uuid": "Flink SQL has no UUID: use a string",
    "duration": "no target but Avro has a duration: use a long and say its unit",
}


class Reader:
    """Reads one .avsc file; what it cannot express is in `findings`, of what it is made from in `inherited`."""

    def __init__(self, document: Document) -> None:
        """Take the file to read."""
        self._document = document
        self._read: dict[str, Record] = {}
        self._open: list[str] = []
        self._namespace: str | None = None
        self.findings: list[Finding] = []
        self.inherited: list[Finding] = []

    def record(self) -> Record | None:
        """Return the file's record, or None where the file does not hold one."""
        read = self._type(self._document.data, ())
        is_right = not self.findings and not self.inherited
        if isinstance(read, Record) and is_right:
            return read
        if is_right:
            self._refuse((), "the file does not hold a record")
        return None

    def _refuse(self, place: Place, message: str, hint: str = _HINT, rule: str = "avro-type") -> None:
        found = self._document.finding(rule, place, message, hint)
        (self.inherited if is_inherited(self._document, place) else self.findings).append(found)

    def _type(self, data: Any, place: Place) -> AvroType | None:  # noqa: C901, PLR0911 - one return for each shape
        match data:
            case str():
                return self._named(data, place)
            case ["null", other]:
                of = self._type(other, (*place, 1))
                if isinstance(of, Nullable):
                    self._refuse(place, "a nullable type is inside a nullable type")
                    return None
                return None if of is None else Nullable(of)
            case list():
                self._refuse(place, 'a union must be exactly ["null", X]')
                return None
            case {"logicalType": "timestamp-millis", "type": "long"}:
                return TimestampMillis()
            case {"logicalType": "date", "type": "int"}:
                return Date()
            case {"logicalType": "decimal", "type": "bytes"}:
                return self._decimal(data, place)
            case {"logicalType": logical, "type": underlying}:
                message = f"the logical type {logical!r} is not supported on {underlying!r}"
                self._refuse(place, message, _INSTEAD.get(str(logical), _HINT))
                return None
            case {"type": "array", "items": items}:
                item = self._type(items, (*place, "items"))
                return None if item is None else Array(item)
            case {"type": "map", "values": values}:
                value = self._type(values, (*place, "values"))
                return None if value is None else Map(value)
            case {"type": "record", "name": str(name), "fields": [*fields]}:
                return self._record(name, fields, data, place)
            case {"type": str(name)}:
                return self._named(name, place)
        self._refuse(place, f"the type {data!r} is not supported")
        return None

    def _named(self, name: str, place: Place) -> Primitive | Record | None:
        if name in _PRIMITIVES:
            return Primitive(name)
        simple = name.removeprefix(f"{self._namespace}.")
        if simple in self._open:
            message = f"the record {simple!r} holds itself"
            self._refuse(place, message, "a table has a fixed number of levels: write each of them out")
        elif simple in self._read:
            return self._read[simple]
        else:
            close = "" if name in _INSTEAD else meant(name, (*_PRIMITIVES, "array", "map", "record"))
            self._refuse(place, f"the type {name!r} is not supported{close}", _INSTEAD.get(name, _HINT))
        return None

    def _decimal(self, data: dict[str, Any], place: Place) -> Decimal | None:
        precision, scale = data.get("precision"), data.get("scale", 0)
        if type(precision) is not int or not 1 <= precision <= MAX_PRECISION:
            message = f"a decimal's precision is a number from 1 to {MAX_PRECISION}, not {precision!r}"
            self._refuse(place, message, "give it as many digits as the lake can hold")
            return None
        if type(scale) is not int or not 0 <= scale <= precision:
            message = f"a decimal's scale is a number from 0 to its precision {precision}, not {scale!r}"
            self._refuse(place, message, "say how many of the digits are after the decimal point")
            return None
        return Decimal(precision, scale)

    def _record(self, name: str, fields: list[Any], data: dict[str, Any], place: Place) -> Record | None:
        namespace = data.get("namespace", self._namespace or "")
        if self._namespace is None:
            self._namespace = str(namespace)
        if not _NAME.fullmatch(name):
            self._refuse((*place, "name"), f"{name!r} is not a name", "name it in snake case, without its namespace")
            return None
        if namespace != self._namespace:
            message = f"the record {name!r} has the namespace {namespace!r} inside of {self._namespace!r}"
            self._refuse((*place, "namespace"), message, "keep a file's records in one namespace")
            return None
        if name in self._read or name in self._open:
            message = f"duplicate record {name!r}"
            self._refuse((*place, "name"), message, "name it by its name the second time, or rename it")
            return None
        if not fields:
            self._refuse(place, f"the record {name!r} has no fields", "give it one: Parquet holds no empty group")
            return None
        self._open.append(name)
        members = tuple(self._fields(fields, (*place, "fields")))
        self._open.pop()
        record = Record(name, str(data.get("doc", "")), members, self._namespace)
        self._read[name] = record
        return record

    def _fields(self, fields: list[Any], place: Place) -> Iterator[Field]:
        seen: set[str] = set()
        for index, data in enumerate(fields):
            here = (*place, index)
            if not isinstance(data, dict) or not isinstance(data.get("name"), str) or "type" not in data:
                self._refuse(here, "a field needs a name and a type", "add both")
                continue
            if data["name"] in seen:
                self._refuse(here, f"duplicate field {data['name']!r}", "rename one of the two")
            seen.add(data["name"])
            kind = self._type(data["type"], (*here, "type"))
            if kind is not None:
                yield self._field(data, kind, here)

    def _field(self, data: dict[str, Any], kind: AvroType, place: Place) -> Field:
        name, allowed = data["name"], data.get("allowed_values", [])
        bare = kind.of if isinstance(kind, Nullable) else kind
        if "allowed_values" in data:
            if bare is not Primitive.STRING:
                self._refuse(place, f"{name!r} has allowed_values but is not a string", "make it a string")
            if not _is_closed_set(allowed):
                message = f"the allowed_values of {name!r} are not a list of different texts"
                self._refuse((*place, "allowed_values"), message, "list each text once")
                allowed = []
        if not isinstance(data.get("personal_data", False), bool):
            message = f"the personal_data of {name!r} is neither true nor false"
            self._refuse((*place, "personal_data"), message, "write true or false")
        default = self._default(data, kind, tuple(allowed), place)
        personal = data.get("personal_data") is True
        return Field(name, kind, str(data.get("doc", "")), tuple(allowed), personal, default, place)

    def _default(self, data: dict[str, Any], kind: AvroType, allowed: tuple[str, ...], place: Place) -> Default | None:
        name = data["name"]
        if isinstance(kind, Nullable):
            if "default" not in data or data["default"] is not None:
                self._refuse(place, f"the nullable field {name!r} has no default null", 'add "default": null')
            return Default(None)
        if "default" not in data:
            return None
        value = data["default"]
        wrong = misfit(kind, value)
        if not wrong and allowed and value not in allowed:
            wrong = f"{value!r} is not one of its allowed_values"
        if wrong:
            hint = "correct it, or make the field nullable with default null"
            self._refuse((*place, "default"), f"the default of {name!r} does not fit: {wrong}", hint, "default")
        return Default(value)


def misfit(kind: AvroType, value: Any) -> str:  # noqa: C901, PLR0911 - one return for each type
    """Return why a default is none of a type, or nothing.

    Python's Avro reader hands a default out as it stands in the schema, without the logical type and without the
    defaults of a record's own fields (fastavro, `read_record`): what would so become another value is refused.
    """
    match kind:
        case Primitive.BOOLEAN:
            return "" if isinstance(value, bool) else f"{value!r} is neither true nor false"
        case Primitive.INT | Primitive.LONG:
            fits = type(value) is int and -(2 ** _BITS[kind]) <= value < 2 ** _BITS[kind]
            return "" if fits else f"{value!r} is not {'an' if kind is Primitive.INT else 'a'} {kind.value}"
        case Primitive.DOUBLE:
            return "" if type(value) in {int, float} else f"{value!r} is not a number"
        case Primitive.STRING:
            return "" if isinstance(value, str) else f"{value!r} is not a string"
        case Primitive.BYTES | TimestampMillis() | Date() | Decimal():
            return "readers do not agree on defaults of bytes, times, dates and decimals"
        case Nullable():
            return "" if value is None else f"the default of a nullable type can only be null, not {value!r}"
        case Array(items):
            if not isinstance(value, list):
                return f"{value!r} is not a list"
            return next(filter(None, (misfit(items, each) for each in value)), "")
        case Map(values):
            if not isinstance(value, dict):
                return f"{value!r} is not a map"
            return next(filter(None, (misfit(values, each) for each in value.values())), "")
        case Record(name, _, fields):
            if not isinstance(value, dict) or set(value) != {each.name for each in fields}:
                return f"it does not name every field of {name}, and no other"
            return next(filter(None, (_member_misfit(each, value[each.name]) for each in fields)), "")
    assert_never(kind)


def _member_misfit(field: Field, value: Any) -> str:
    if field.allowed and value is not None and value not in field.allowed:
        return f"{value!r} is not one of the allowed_values of {field.name}"
    return misfit(field.type, value)


def _is_closed_set(values: Any) -> bool:
    if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
        return False
    return len(set(values)) == len(values)
