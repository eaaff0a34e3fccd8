"""JSON Schemas of HTTP messages: whether what one side gives is what the other takes.

In a request the earlier contract gives and the new one takes; in a response the other way round.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codegen.reference import followed, is_reference, resolved

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.document import Place

_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_TYPES = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})


class Kind(enum.Enum):
    """What a difference is about."""

    REQUIRED = "a property that must be there"
    REMOVED = "a property that is gone"
    VALUE = "a value that is not taken"


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between two schemas that breaks one side; the place is that in the new document."""

    kind: Kind
    place: Place
    message: str


@dataclass(frozen=True, slots=True)
class _Node:
    """A schema in a document, its place, and the name under which a message speaks of it."""

    document: Mapping[str, Any]
    place: Place
    name: str
    schema: Any

    def child(self, schema: Any, *steps: str | int, name: str = "") -> _Node:
        return _Node(self.document, (*self.place, *steps), f"{self.name}{name}", schema)

    def resolved(self) -> _Node:
        """Follow references, and fold `allOf` into the schema that it stands in."""
        node, schema = self, self.schema if isinstance(self.schema, dict) else {}
        if is_reference(schema):
            place, _ = followed(self.document, self.place, schema)
            node, schema = _Node(self.document, place, str(place[-1]), schema), resolved(self.document, schema)
        if "allOf" not in schema:
            return _Node(node.document, node.place, node.name, schema)
        folded: dict[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema["allOf"]:
            inner = _Node(node.document, node.place, node.name, part).resolved().schema
            merged = {
                "properties": {**folded.get("properties", {}), **inner.get("properties", {})},
                "required": [*folded.get("required", ()), *inner.get("required", ())],
            }
            folded = {**folded, **inner, **merged}
        return _Node(node.document, node.place, node.name, folded)


@dataclass(frozen=True, slots=True)
class _Message:
    """A comparison of one message: which side is the new contract."""

    taker_is_new: bool

    def differences(self, giver: _Node, taker: _Node, above: tuple[tuple[Place, Place], ...]) -> Iterator[Difference]:
        giver, taker = giver.resolved(), taker.resolved()
        pair = (giver.place, taker.place)
        if pair in above:
            return
        above = (*above, pair)
        given, taken = _branches(giver), _branches(taker)
        if given == [giver] and taken == [taker]:
            yield from self._values(giver, taker)
            yield from self._items(giver, taker, above)
            yield from self._properties(giver, taker, above)
            return
        new = taker if self.taker_is_new else giver
        for branch in given:
            if not any(not any(self.differences(branch, other, above)) for other in taken):
                where = branch if new is giver else new
                message = "an alternative is no longer accepted" if self.taker_is_new else "an alternative is new"
                yield self._because(Kind.VALUE, where, new, message)

    def _sides(self, giver: _Node, taker: _Node) -> tuple[_Node, _Node]:
        return (giver, taker) if self.taker_is_new else (taker, giver)

    def _because(self, kind: Kind, where: _Node, named: _Node, message: str) -> Difference:
        return Difference(kind, where.place, f"{named.name}: {message}")

    def _values(self, giver: _Node, taker: _Node) -> Iterator[Difference]:
        old, new = self._sides(giver, taker)
        for keyword in misfits(giver.schema, taker.schema):
            was, now = (shown(node.schema, keyword) for node in (old, new))
            message = f"{keyword} was {was} and is {now}"
            yield self._because(Kind.VALUE, new.child(None, keyword), new, message)

    def _items(self, giver: _Node, taker: _Node, above: tuple[tuple[Place, Place], ...]) -> Iterator[Difference]:
        if "items" in taker.schema and "array" in _types(giver.schema):
            inner = [node.child(node.schema.get("items", {}), "items", name="[]") for node in (giver, taker)]
            yield from self.differences(inner[0], inner[1], above)

    def _properties(self, giver: _Node, taker: _Node, above: tuple[tuple[Place, Place], ...]) -> Iterator[Difference]:
        if "object" not in _types(giver.schema):
            return
        new = taker if self.taker_is_new else giver
        given, taken = giver.schema.get("properties", {}), taker.schema.get("properties", {})
        for name in taker.schema.get("required", ()):
            if name not in giver.schema.get("required", ()) and (self.taker_is_new or name in given):
                where = new.child(None, "properties", name)
                message = f"{name} is required now" if self.taker_is_new else f"{name} may be absent now"
                yield self._because(Kind.REQUIRED, where, new, message)
        rest = taker.schema.get("additionalProperties", True)
        for name in dict.fromkeys((*given, *taken)):
            if name in given and name in taken:
                inner = [
                    node.child(node.schema["properties"][name], "properties", name, name=f".{name}")
                    for node in (giver, taker)
                ]
                yield from self.differences(inner[0], inner[1], above)
            elif name in given and rest is False:
                message = (
                    f"{name} is no longer accepted" if self.taker_is_new else f"{name} is new, and nothing else may be"
                )
                where = new if self.taker_is_new else new.child(None, "properties", name)
                yield self._because(Kind.VALUE, where, new, message)
            elif name in taken and not self.taker_is_new:
                yield self._because(Kind.REMOVED, new, new, f"{name} is gone")
        if rest is False and giver.schema.get("additionalProperties", True) is not False:
            where = new.child(None, "additionalProperties")
            message = "further properties are refused now" if self.taker_is_new else "further properties may come now"
            yield self._because(Kind.VALUE, where, new, message)
        elif isinstance(rest, dict) and giver.schema.get("additionalProperties", True) is not False:
            values = [
                node.child(node.schema.get("additionalProperties", True), "additionalProperties", name="{}")
                for node in (giver, taker)
            ]
            yield from self.differences(values[0], values[1], above)


def request_differences(
    old: Mapping[str, Any], new: Mapping[str, Any], schemas: tuple[Any, Any], place: Place, name: str
) -> Iterator[Difference]:
    """Yield what clients of the old document send and the new one refuses."""
    before, after = schemas
    yield from _Message(taker_is_new=True).differences(_Node(old, (), name, before), _Node(new, place, name, after), ())


def response_differences(
    old: Mapping[str, Any], new: Mapping[str, Any], schemas: tuple[Any, Any], place: Place, name: str
) -> Iterator[Difference]:
    """Yield what the new document answers, or leaves out, and clients of the old one do not expect."""
    before, after = schemas
    giver, taker = _Node(new, place, name, after), _Node(old, (), name, before)
    yield from _Message(taker_is_new=False).differences(giver, taker, ())


def _branches(node: _Node) -> list[_Node]:
    for keyword in ("oneOf", "anyOf"):
        if keyword in node.schema:
            return [node.child(each, keyword, index) for index, each in enumerate(node.schema[keyword])]
    return [node]


def misfits(giver: Mapping[str, Any], taker: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keywords by which a taker refuses what a giver gives."""
    if not _types(giver) <= _types(taker):
        yield "type"
        return
    given, taken = _choices(giver), _choices(taker)
    if taken is not None and (given is None or any(value not in taken for value in given)):
        yield "const" if "const" in taker or "const" in giver else "enum"
    for keyword in _LOWER:
        if keyword in taker and giver.get(keyword, float("-inf")) < taker[keyword]:
            yield keyword
    for keyword in _UPPER:
        if keyword in taker and giver.get(keyword, float("inf")) > taker[keyword]:
            yield keyword
    for keyword in ("pattern", "format", "multipleOf"):
        if keyword in taker and giver.get(keyword) != taker[keyword] and given is None:
            yield keyword
    if taker.get("uniqueItems") and not giver.get("uniqueItems"):
        yield "uniqueItems"


def _types(schema: Mapping[str, Any]) -> frozenset[str]:
    named = schema.get("type")
    if named is None:
        return _TYPES
    types = frozenset({named} if isinstance(named, str) else named)
    return types | {"integer"} if "number" in types else types


def _choices(schema: Mapping[str, Any]) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    values: list[Any] | None = schema.get("enum")
    return values


def shown(schema: Mapping[str, Any], keyword: str) -> str:
    """Return what a schema says with a keyword, in words."""
    value = _choices(schema) if keyword in {"const", "enum"} else schema.get(keyword)
    if value is None:
        return "open"
    return ", ".join(str(each) for each in value) if isinstance(value, list) else str(value)
