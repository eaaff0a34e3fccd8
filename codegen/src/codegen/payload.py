"""What a provider's payload contract declares: which paths exist, and which of them go to the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from codegen.language.model import Expression, Group, Leaf, LeafKind, Path, Rest, Step
from codegen.language.parts import children, taken
from codegen.personal import below, holding, is_mixed, is_tagged
from codegen.reference import chain, resolved, to_schema
from codegen.suggestion import closest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.model import Payload

_SCALARS = frozenset({"string", "integer", "number", "boolean"})
_ANY = _SCALARS | {"object", "array"}
_JSON_TYPES: Mapping[type, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    dict: "object",
    list: "array",
    type(None): "null",
}


@dataclass(frozen=True, slots=True)
class Declared:
    """The schema at a path, and whether it or anything above it is personal data.

    `schema` has its reference resolved; `end` is what the reference leads to, by itself; `holding` are all schemas that
    hold for the value, alternatives included.
    """

    schema: Mapping[str, Any]
    end: Mapping[str, Any]
    holding: tuple[Mapping[str, Any], ...]
    personal: bool


def json_type(value: object) -> str:
    """Return the JSON type of a value."""
    return _JSON_TYPES[type(value)]


def declared(payload: Payload, schema: str, path: Path) -> Declared | None:
    """Return what the payload contract declares at a path below a schema, or None where it declares nothing."""
    document, root = payload.source.data, {"$ref": to_schema(schema)}
    found = _declared(payload, root, holding(document, [root]), personal=False)
    for step in path.steps:
        inner = _step(found.schema, step)
        if inner is None:
            return None
        found = _declared(payload, inner, below(document, found.holding, step), personal=found.personal)
    return found


def meant_path(payload: Payload, schema: str, path: Path) -> str:
    """Return which declared path is closest to one that is not, as the end of a sentence; empty where none is close."""
    for index, step in enumerate(path.steps):
        above = declared(payload, schema, Path(path.steps[:index]))
        if above is None or _step(above.schema, step) is not None:
            continue
        close = closest(step, above.schema.get("properties", ()))
        return f" (did you mean {Path((*path.steps[:index], close, *path.steps[index + 1 :]))}?)" if close else ""
    return ""


def _declared(
    payload: Payload, schema: Mapping[str, Any], schemas: tuple[Mapping[str, Any], ...], *, personal: bool
) -> Declared:
    *_, (_, end) = chain(payload.source.data, (), schema)
    return Declared(resolve(payload, schema), end, schemas, personal or is_tagged(schemas))


def resolve(payload: Payload, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema without its reference, and `true` as the empty one that it is short for; DanglingError."""
    return resolved(payload.source.data, schema) if isinstance(schema, dict) else {}


def types(schema: Mapping[str, Any]) -> frozenset[str]:
    """Return the JSON types that a schema allows, `null` apart."""
    declared_type = schema.get("type", ())
    names = [declared_type] if isinstance(declared_type, str) else declared_type
    return frozenset(names) - {"null"}


def possible(payload: Payload, schema: Mapping[str, Any], above: tuple[Any, ...] = ()) -> frozenset[str]:
    """Return every JSON type that a value may have, `null` apart, by all that its schema says of it."""
    *_, (_, end) = chain(payload.source.data, (), schema)
    schema = resolve(payload, schema)
    found = _ANY if "type" not in schema else types(schema)
    found |= {"integer"} if "number" in found else frozenset()
    if "enum" in schema or "const" in schema:
        values = schema["enum"] if "enum" in schema else [schema["const"]]
        found &= frozenset(map(json_type, values))
    if any(end is each for each in above):
        return found
    above = (*above, end)
    for part in schema.get("allOf", ()):
        found &= possible(payload, part, above)
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            found &= frozenset(name for part in schema[keyword] for name in possible(payload, part, above))
    return found


def mapped_paths(group: Group) -> frozenset[Path]:
    """Return every path whose value a group's mapping hands on, `rest` apart."""
    return frozenset(path for field in group.fields.values() for path in taken(field))


def rests(expression: Expression) -> Iterator[Rest]:
    """Yield each `rest` inside an expression."""
    if isinstance(expression, Rest):
        yield expression
    for child in children(expression):
        yield from rests(child)


def leaves(payload: Payload, group: Group, rest: Rest) -> tuple[Leaf, ...]:
    """Return what of the payload goes to the rest, in the order in which it is declared."""
    found = declared(payload, group.payload, rest.root)
    if found is None or found.personal:
        return ()
    return tuple(_leaves(payload, (found,), rest.root, "", mapped_paths(group).difference(rest.keep)))


def free_maps(payload: Payload, group: Group, rest: Rest) -> tuple[Path, ...]:
    """Return the places below a rest where the payload may have any keys, by themselves or in the provider's list."""
    open_ones = replace(payload, merchant_maps=_Everywhere())
    return tuple(leaf.path for leaf in leaves(open_ones, group, rest) if leaf.kind is LeafKind.MAP)


class _Everywhere(dict[Path, frozenset[str]]):
    def __contains__(self, path: object) -> bool:
        return True

    def __missing__(self, path: Path) -> frozenset[str]:
        return frozenset()


def _leaves(
    payload: Payload, above: tuple[Declared, ...], root: Path, prefix: str, mapped: frozenset[Path]
) -> Iterator[Leaf]:
    """Yield what is below the last of the schemas; the others are those around it."""
    for name, member in above[-1].schema.get("properties", {}).items():
        path = Path((*root.steps, name))
        schemas = below(payload.source.data, above[-1].holding, name)
        found = _declared(payload, member, schemas, personal=False)
        if path in mapped or found.personal:
            continue
        key = prefix + name
        if found.schema.get("properties"):
            # An object that may also stand as its id alone: each form has a key of its own.
            if types(found.schema) & _SCALARS:
                yield Leaf(key, path, LeafKind.SCALAR)
            # A schema inside itself has no end; what is that deep stays in the raw event.
            if not any(found.end is each.end for each in above):
                yield from _leaves(payload, (*above, found), path, f"{key}.", mapped)
            continue
        kind = _kind(payload, found.schema)
        # A value that is kept as a whole cannot be parted into kept and personal ones.
        if kind is None or is_mixed(payload.source.data, found.holding):
            continue
        if kind is not LeafKind.MAP:
            yield Leaf(key, path, kind)
        elif path in payload.merchant_maps:
            yield Leaf(key, path, kind, payload.merchant_maps[path])


def _kind(payload: Payload, schema: Mapping[str, Any]) -> LeafKind | None:
    names = types(schema)
    if names and names <= _SCALARS:
        return LeafKind.SCALAR
    if names == {"array"}:
        items = types(resolve(payload, schema.get("items", {})))
        # A list of objects is left to the raw event: its items cannot be parted into kept and personal ones.
        return LeafKind.SCALARS if items and items <= _SCALARS else None
    if names == {"object"}:
        # An object of which nothing is declared is left to the raw event, too: it may hold anything.
        values = schema.get("additionalProperties")
        if isinstance(values, dict) and types(resolve(payload, values)) <= _SCALARS:
            return LeafKind.MAP
    return None


def _step(schema: Mapping[str, Any], step: Step) -> Mapping[str, Any] | None:
    if isinstance(step, int):
        items = schema.get("items")
        return items if isinstance(items, dict) else None
    properties = schema.get("properties", {})
    if step in properties:
        below: Mapping[str, Any] = properties[step]
        return below
    values = schema.get("additionalProperties")
    return values if isinstance(values, dict) else None
