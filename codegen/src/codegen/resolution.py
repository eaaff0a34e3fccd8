"""Avro's schema resolution, judged from two schemas alone: whether what one wrote can be read with the other.

Source of the rules: Apache Avro 1.12, "Schema Resolution". Two things are stricter here, because the bytes would be
read without an error and mean something else: logical types must agree, and a closed set must hold the writer's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.document import Place

_PROMOTIONS = {
    "int": frozenset({"long", "float", "double"}),
    "long": frozenset({"float", "double"}),
    "float": frozenset({"double"}),
    "string": frozenset({"bytes"}),
    "bytes": frozenset({"string"}),
}
_NAMED = frozenset({"record", "error", "enum", "fixed"})
_LOGICAL = ("logicalType", "precision", "scale")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Why a reader cannot take what a writer wrote.

    `path` names the field with dots, empty for the record itself; the places are those in the two schemas. `closed`
    says that the schemas resolve, and only a closed set of values stands in the way.
    """

    path: str
    message: str
    reader: Place
    writer: Place
    closed: bool = False

    def __str__(self) -> str:
        """Return it as a clause, with the field in front."""
        return f"{self.path}: {self.message}" if self.path else self.message


@dataclass(frozen=True, slots=True)
class _Side:
    """A node of a schema and where it stands."""

    schema: Any
    place: Place

    def at(self, *steps: str | int) -> _Side:
        schema = self.schema
        for step in steps:
            schema = schema[step]
        return _Side(schema, (*self.place, *steps))

    @property
    def kind(self) -> str:
        if isinstance(self.schema, list):
            return "union"
        if not isinstance(self.schema, dict):
            return str(self.schema)
        # `{"type": {"type": "string"}}` is legal Avro.
        inner = self.schema["type"]
        return inner if isinstance(inner, str) else self.at("type").kind


def mismatches(reader: Any, writer: Any) -> tuple[Mismatch, ...]:
    """Return all that keeps a reader's schema from taking what a writer's schema wrote, in the order of the reader."""
    return tuple(_Resolution(_names(reader), _names(writer)).match(_Side(reader, ()), _Side(writer, ()), ""))


def _names(schema: Any, place: Place = ()) -> dict[str, _Side]:
    found: dict[str, _Side] = {}
    children: list[tuple[Any, Place]] = []
    match schema:
        case list():
            children = [(each, (*place, index)) for index, each in enumerate(schema)]
        case {"type": "array", "items": items}:
            children = [(items, (*place, "items"))]
        case {"type": "map", "values": values}:
            children = [(values, (*place, "values"))]
        case {"type": "record" | "error", "fields": members}:
            children = [(each["type"], (*place, "fields", index, "type")) for index, each in enumerate(members)]
        case {"type": dict() | list() as inner}:
            children = [(inner, (*place, "type"))]
    if isinstance(schema, dict) and str(schema.get("type")) in _NAMED:
        found[_unqualified(schema["name"])] = _Side(schema, place)
    for child, where in children:
        found |= _names(child, where)
    return found


def _unqualified(name: str) -> str:
    return name.rsplit(".", 1)[-1]


class _Resolution:
    """One comparison: the named types of both sides, and the pairs that are being compared further up."""

    def __init__(self, readers: dict[str, _Side], writers: dict[str, _Side]) -> None:
        self._readers = readers
        self._writers = writers
        self._open: set[tuple[Place, Place]] = set()

    def match(self, reader: _Side, writer: _Side, path: str) -> Iterator[Mismatch]:
        reader = self._readers.get(_unqualified(reader.kind), reader)
        writer = self._writers.get(_unqualified(writer.kind), writer)
        if (reader.place, writer.place) in self._open:
            return
        self._open.add((reader.place, writer.place))
        if writer.kind == "union":
            for index in range(len(writer.schema)):
                yield from self.match(reader, writer.at(index), path)
        elif reader.kind == "union":
            yield from self._chosen(reader, writer, path)
        else:
            yield from self._plain(reader, writer, path)
        self._open.discard((reader.place, writer.place))

    def _chosen(self, reader: _Side, writer: _Side, path: str) -> Iterator[Mismatch]:
        tried = [tuple(self.match(reader.at(index), writer, path)) for index in range(len(reader.schema))]
        fits = [each for each in tried if all(mismatch.closed for mismatch in each)]
        if fits:
            yield from min(fits, key=len)
            return
        # Of a nullable type the branch that is not null says what is wrong.
        real = [index for index in range(len(reader.schema)) if reader.at(index).kind != "null"]
        if len(real) == 1 and writer.kind != "null":
            yield from tried[real[0]]
            return
        yield Mismatch(path, f"no branch of the reader's union takes {_worded(writer)}", reader.place, writer.place)

    def _plain(self, reader: _Side, writer: _Side, path: str) -> Iterator[Mismatch]:
        if reader.kind == writer.kind:
            match reader.kind:
                case "array":
                    yield from self.match(reader.at("items"), writer.at("items"), f"{path}[]")
                case "map":
                    yield from self.match(reader.at("values"), writer.at("values"), f"{path}{{}}")
                case "record" | "error":
                    yield from self._record(reader, writer, path)
                case "enum":
                    yield from self._enum(reader, writer, path)
        message = _objection(reader, writer)
        if message:
            yield Mismatch(path, message, reader.place, writer.place)

    def _record(self, reader: _Side, writer: _Side, path: str) -> Iterator[Mismatch]:
        names = {_unqualified(name) for name in (reader.schema["name"], *reader.schema.get("aliases", ()))}
        if _unqualified(writer.schema["name"]) not in names:
            message = f"the record {writer.schema['name']!r} is not the reader's {reader.schema['name']!r}"
            yield Mismatch(path, message, reader.place, writer.place)
            return
        written = {field["name"]: index for index, field in enumerate(writer.schema["fields"])}
        for index, field in enumerate(reader.schema["fields"]):
            inside = f"{path}.{field['name']}".removeprefix(".")
            own = reader.at("fields", index)
            found = [written[name] for name in (field["name"], *field.get("aliases", ())) if name in written]
            if found:
                other = writer.at("fields", found[0])
                yield from self.match(own.at("type"), other.at("type"), inside)
                yield from _closed(own, other, inside)
            elif "default" not in field:
                message = "the reader asks for it, and the writer has no such field; it has no default"
                yield Mismatch(inside, message, own.place, writer.place)

    def _enum(self, reader: _Side, writer: _Side, path: str) -> Iterator[Mismatch]:
        if "default" in reader.schema:
            return
        strange = [symbol for symbol in writer.schema["symbols"] if symbol not in reader.schema["symbols"]]
        if strange:
            yield Mismatch(path, f"the reader does not know {', '.join(strange)}", reader.place, writer.place)


def _objection(reader: _Side, writer: _Side) -> str:
    """Return what is wrong between two types without looking into them; empty if nothing is."""
    if reader.kind != writer.kind and reader.kind not in _PROMOTIONS.get(writer.kind, ()):
        if writer.kind == "null":
            return f"the writer may write null where the reader expects {_worded(reader)}"
        return f"{_worded(writer)} cannot be read as {_worded(reader)}"
    if reader.kind == "fixed" and reader.schema["size"] != writer.schema["size"]:
        return f"{writer.schema['size']} bytes cannot be read as {reader.schema['size']}"
    if _logical(reader) != _logical(writer):
        return f"{_worded(writer)} would be read as {_worded(reader)}, which means something else"
    return ""


def _closed(reader: _Side, writer: _Side, path: str) -> Iterator[Mismatch]:
    known = reader.schema.get("allowed_values")
    if known is None:
        return
    values = writer.schema.get("allowed_values")
    if values is None:
        message = "the reader's set of values is closed, and the writer may write any text"
    else:
        strange = [value for value in values if value not in known]
        if not strange:
            return
        message = f"the reader's closed set lacks {', '.join(repr(value) for value in strange)}"
    at = replace(reader, place=(*reader.place, "allowed_values"))
    yield Mismatch(path, message, at.place, writer.place, closed=True)


def _logical(side: _Side) -> tuple[Any, ...]:
    return tuple(side.schema.get(key) for key in _LOGICAL) if isinstance(side.schema, dict) else (None,) * 3


def _worded(side: _Side) -> str:
    logical, precision, scale = _logical(side)
    if logical is None:
        return side.kind
    return f"{logical}({precision}, {scale or 0})" if precision is not None else f"{logical}"
