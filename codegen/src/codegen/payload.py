"""What a provider's payload contract declares: which paths exist, and which of them go to the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codegen.language.model import Expression, Group, Leaf, LeafKind, Path, Rest, Step, children, taken

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.model import Payload

_REFERENCE = "#/components/schemas/"
_SCALARS = frozenset({"string", "integer", "number", "boolean"})


@dataclass(frozen=True, slots=True)
class Declared:
    """The schema at a path, with references resolved, and whether it or anything above it is personal data."""

    schema: Mapping[str, Any]
    personal: bool


def declared(payload: Payload, schema: str, path: Path) -> Declared | None:
    """Return what the payload contract declares at a path below a schema, or None where it declares nothing."""
    here = resolve(payload, {"$ref": _REFERENCE + schema})
    personal = False
    for step in path.steps:
        below = _step(here, step)
        if below is None:
            return None
        personal = personal or _is_personal(below)
        here = resolve(payload, below)
        personal = personal or _is_personal(here)
    return Declared(here, personal)


def resolve(payload: Payload, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema without its reference; KeyError where the reference leads nowhere."""
    while "$ref" in schema:
        schema = payload.schemas[str(schema["$ref"]).removeprefix(_REFERENCE)]
    return schema


def types(schema: Mapping[str, Any]) -> frozenset[str]:
    """Return the JSON types that a schema allows, `null` apart."""
    declared_type = schema.get("type", ())
    names = [declared_type] if isinstance(declared_type, str) else declared_type
    return frozenset(names) - {"null"}


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
    return tuple(_leaves(payload, (found.schema,), rest.root.steps, "", mapped_paths(group)))


def _leaves(
    payload: Payload,
    schemas: tuple[Mapping[str, Any], ...],
    steps: tuple[Step, ...],
    prefix: str,
    mapped: frozenset[Path],
) -> Iterator[Leaf]:
    """Yield what is below the last of the schemas; the others are those around it."""
    for name, member in schemas[-1].get("properties", {}).items():
        path = Path((*steps, name))
        target = resolve(payload, member)
        if path in mapped or _is_personal(member) or _is_personal(target):
            continue
        key = prefix + name
        if target.get("properties"):
            # An object that may also stand as its id alone: each form has a key of its own.
            if types(target) & _SCALARS:
                yield Leaf(key, path, LeafKind.SCALAR)
            # A schema inside itself has no end; what is that deep stays in the raw event.
            if not any(target is schema for schema in schemas):
                yield from _leaves(payload, (*schemas, target), path.steps, f"{key}.", mapped)
            continue
        kind = _kind(payload, target)
        if kind is not None:
            yield Leaf(key, path, kind)


def _kind(payload: Payload, schema: Mapping[str, Any]) -> LeafKind | None:
    names = types(schema)
    if names and names <= _SCALARS:
        return LeafKind.SCALAR
    if names == {"array"}:
        items = types(resolve(payload, schema.get("items", {})))
        # A list of objects is left to the raw event: its items cannot be parted into kept and personal ones.
        return LeafKind.SCALARS if items and items <= _SCALARS else None
    if names == {"object"}:
        values = schema.get("additionalProperties")
        if isinstance(values, dict) and types(resolve(payload, values)) <= _SCALARS:
            return LeafKind.MAP
        return LeafKind.OPAQUE if values is True else None
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


def _is_personal(schema: Mapping[str, Any]) -> bool:
    return schema.get("x-personal-data") is True
