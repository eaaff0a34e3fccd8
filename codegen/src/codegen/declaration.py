"""Declares a path that a mapping takes in the payload contract of its provider, so that nobody writes it twice.

What is declared comes from what is known of the path already: the type from the examples that have it, else from what
takes it in the mapping; the description from the field that it fills.
"""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codegen.build import at
from codegen.document import compose, line_after, parse
from codegen.form import content_of
from codegen.language.model import Path
from codegen.language.parts import paths
from codegen.lint.flows import record_of
from codegen.mapping.plan import STAMPED, kind_of
from codegen.mapping.types import FIELDS, Type, Types, mismatches, of_json
from codegen.payload import declared, json_type, possible
from codegen.personal import TAG
from codegen.reference import followed, to_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    import yaml

    from codegen.avro import Field
    from codegen.document import Place
    from codegen.language.model import Expression, Group
    from codegen.model import Catalog, Provider

_LONGEST_LINE = 120
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_ANY = of_json(frozenset({"string", "number", "boolean", "object", "array"}))
_BY_TAKER = {
    frozenset({Type.TEXT}): "string",
    frozenset({Type.WHOLE}): "integer",
    frozenset({Type.NUMBER, Type.WHOLE}): "number",
    frozenset({Type.TRUTH}): "boolean",
}
_SCALARS = frozenset(_BY_TAKER.values())


class DeclarationError(Exception):
    """A path cannot be declared; the message is a sentence without its full stop."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What was declared of a path: in which schema, and how the line reads."""

    schema: str
    line: str


@dataclass(frozen=True, slots=True)
class _Reader:
    """A field of a group that takes the path, with the values that examples of the group have there."""

    group: Group
    field: Field
    expression: Expression
    seen: tuple[Any, ...]


def declare(catalog: Catalog, provider: Provider, written: str) -> tuple[str, tuple[Declared, ...]]:
    """Return the text of a provider's payload contract with a path declared, and what was declared in it.

    A path that stands once for all groups is declared for those whose examples have it: others may not send it.

    Raises:
        DeclarationError: No mapping takes the path, it is declared, or what is known of it does not tell its type.
    """
    readers = list(_readers(catalog, provider, written))
    path = next((each for reader in readers for each in paths(reader.expression) if str(each) == written), None)
    if path is None:
        raise DeclarationError(f"no mapping of {provider.name} takes {written}")
    missing = [each for each in readers if declared(provider.payload, each.group.payload, path) is None]
    if not missing:
        raise DeclarationError(f"{written} is declared for all that takes it")
    told = [each for each in missing if each.seen or each.field.name not in each.group.shared]
    if not told:
        message = f"{written} stands once for all groups, and no example says which of them have it"
        raise DeclarationError(f"{message}: map it in those, or give them an example")
    text, done = provider.payload.source.text, list[Declared]()
    places: set[Place] = set()
    for reader in told:
        place = _properties(provider, reader.group.payload, path)
        if place not in places:
            places.add(place)
            ours = [each for each in told if _properties(provider, each.group.payload, path) == place]
            name, schema = str(path.steps[-1]), _schema(provider, path, ours)
            line = _line(name, schema)
            text = _with(provider.payload.source.path, text, place, name, schema, line)
            done.append(Declared(reader.group.payload, line.strip()))
    return text, tuple(done)


def _readers(catalog: Catalog, provider: Provider, written: str) -> Iterator[_Reader]:
    record = record_of(catalog, provider.mapping.record, provider.mapping.version)
    fields = {each.name: each for each in record.fields if each.name not in STAMPED} if record else {}
    for group in provider.mapping.groups:
        for name, expression in group.fields.items():
            path = next((each for each in paths(expression) if str(each) == written), None)
            if path is not None and name in fields and group.payload in provider.payload.schemas:
                yield _Reader(group, fields[name], expression, tuple(_seen(provider, group, path)))


def _seen(provider: Provider, group: Group, path: Path) -> Iterator[Any]:
    for example in provider.examples:
        if example.kind == "accepted" and example.event_type in group.events:
            value = at(content_of(provider.envelope.form, example.body), path)
            if value is not None:
                yield value


def _properties(provider: Provider, schema: str, path: Path) -> Place:
    """Return where the payload contract has the properties that a path's last step is one of."""
    document = provider.payload.source.data
    place, found = followed(document, (), {"$ref": to_schema(schema)})
    for number, step in enumerate(path.steps[:-1], 1):
        where = ("items",) if isinstance(step, int) else ("properties", step)
        below = found
        for name in where:
            below = below.get(name) if isinstance(below, dict) else None
        if below is None:
            raise DeclarationError(f"{Path(path.steps[:number])} is not declared either: declare it first, by hand")
        place, found = followed(document, (*place, *where), below)
    if not isinstance(found, dict) or not found.get("properties") or not isinstance(path.steps[-1], str):
        raise DeclarationError(f"{Path(path.steps[:-1])} has no properties yet: declare the first one by hand")
    return (*place, "properties")


def _schema(provider: Provider, path: Path, readers: list[_Reader]) -> dict[str, Any]:
    seen = {json_type(value) for reader in readers for value in reader.seen}
    names = seen or {name for reader in readers for name in _asked(provider, reader, path)}
    names = names - {"integer"} if "number" in names else names
    if not names or not names <= _SCALARS:
        raise DeclarationError(
            f"what {path} is cannot be told from what takes it: give an example, or declare it by hand"
        )
    kinds = sorted(names)
    nullable = all(reader.field.nullable for reader in readers)
    field = readers[0].field
    return {
        "type": [*kinds, "null"] if nullable else kinds[0] if len(kinds) == 1 else kinds,
        "description": field.doc,
        **({TAG: True} if any(reader.field.personal for reader in readers) else {}),
    }


def _asked(provider: Provider, reader: _Reader, path: Path) -> Iterator[str]:
    """Yield the JSON type that a reader takes; nothing where it takes several, or none that is a scalar's."""

    def types(each: Path) -> Types:
        if each == path:
            return _ANY
        found = declared(provider.payload, reader.group.payload, each)
        return frozenset() if found is None else of_json(possible(provider.payload, found.schema))

    asked = [
        each.taken & _ANY
        for each in mismatches(reader.expression, "the field", FIELDS[kind_of(reader.field)], types)
        if each.expression == path
    ]
    taken = frozenset.intersection(*asked) if asked else frozenset()
    if taken in _BY_TAKER:
        yield _BY_TAKER[taken]


def _line(name: str, schema: dict[str, Any]) -> str:
    """Return a property as payload contracts write it: in one line, or in several where that would be too long."""
    kind = schema["type"]
    written = f"[{', '.join(_plain(each) for each in kind)}]" if isinstance(kind, list) else kind
    parts = [f"type: {written}", f"description: {json.dumps(schema['description'], ensure_ascii=False)}"]
    parts += [f"{TAG}: true"] if TAG in schema else []
    key = name if _PLAIN.fullmatch(name) else json.dumps(name, ensure_ascii=False)
    flat = f"{key}: {{{', '.join(parts)}}}\n"
    return flat if len(flat) <= _LONGEST_LINE else "".join([f"{key}:\n", *(f"  {each}\n" for each in parts)])


def _plain(kind: str) -> str:
    return '"null"' if kind == "null" else kind


def _with(path: str, text: str, place: Place, name: str, schema: dict[str, Any], line: str) -> str:  # noqa: PLR0917 - a file, a place in it, and what comes there
    """Return a payload contract's text with a property more, behind those that are there."""
    node = _node(compose(text), place)
    if node.flow_style:
        raise DeclarationError(
            f"the properties of {path}, line {node.start_mark.line + 1}, are in one line: write it there"
        )
    lines = text.splitlines(keepends=True)
    indent = " " * node.start_mark.column
    after = line_after(node)
    lines[after:after] = [f"{indent}{each}" for each in line.splitlines(keepends=True)]
    changed = "".join(lines)
    wanted = copy.deepcopy(parse(path, text).data)
    inner = wanted
    for step in place:
        inner = inner[step]
    inner[name] = schema
    if parse(path, changed).data != wanted:
        raise AssertionError(f"{path} cannot be rewritten: write `{line.strip()}` by hand")
    return changed


def _node(node: yaml.Node, place: Place) -> Any:
    for step in place:
        value = node.value
        node = value[step] if isinstance(step, int) else next(member for key, member in value if key.value == step)
    return node
