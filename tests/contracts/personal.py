"""Where a payload contract says that a body may hold personal data, and bodies with something put there.

The places are read here without the code that leaves tagged fields out: each text that is tagged, and at each object
keys that nobody has declared, as a merchant or a newer API version may send them.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from codegen.reference import is_reference, target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.language.model import Step

MARK: Final = "jane-roe-"
TAG: Final = "x-personal-data"


class Spot(NamedTuple):
    """A place in a body, the marked value for it, and the ids of the schemas that tag it."""

    steps: tuple[Step, ...]
    value: Any
    tags: frozenset[int]


def marker(steps: tuple[Step, ...]) -> str:
    return MARK + ".".join(map(str, steps)) + "@example.org"


def spots(
    document: dict[str, Any],
    schema: Any,
    steps: tuple[Step, ...] = (),
    above: tuple[int, ...] = (),
    tags: frozenset[int] = frozenset(),
) -> Iterator[Spot]:
    """Yield each place for a marker in what a schema describes: tagged values, and undeclared keys of each object.

    `above` are the schemas around it, and `tags` those of them that are tagged: what is inside is personal, too.
    """
    parts = list(said(document, schema))
    if any(id(part) in above for part in parts):
        return
    above = (*above, *map(id, parts))
    tags |= {id(part) for part in parts if part.get(TAG) is True}
    forms = {name for part in parts for name in types(part)}
    members = {name: inner for part in parts for name, inner in part.get("properties", {}).items()}
    text = marker(steps)
    # Where a number is documented, a text is no less personal.
    if tags and forms & {"string", "integer", "number", "boolean"}:
        yield Spot(steps, text, tags)
    if tags and "array" in forms:
        yield Spot(steps, [text, {"nickname": text}], tags)
    if "object" in forms or members:
        for name, value in (("nickname", text), ("people", [text, {"nickname": text}]), ("person", {"nickname": text})):
            assert name not in members
            yield Spot((*steps, name), value, tags)
        yield Spot((*steps, f"{text} as a key"), "1", tags)
        for name, inner in members.items():
            yield from spots(document, inner, (*steps, name), above, tags)
    for part in parts:
        if "items" in part:
            yield from spots(document, part["items"], (*steps, 0), above, tags)


def tagged(value: Any) -> Iterator[dict[str, Any]]:
    """Yield each schema with a tag, wherever it is in a document."""
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict) and value.get(TAG) is True:
        yield value
    for member in members:
        yield from tagged(member)


def said(document: dict[str, Any], schema: Any) -> Iterator[dict[str, Any]]:
    """Yield all that is said of one value: a schema, what it refers to, what it joins."""
    if isinstance(schema, dict):
        yield schema
        if is_reference(schema):
            _, meant = target(document, schema["$ref"])
            yield from said(document, meant)
        for keyword in ("allOf", "anyOf", "oneOf"):
            for part in schema.get(keyword, ()):
                yield from said(document, part)


def types(schema: dict[str, Any]) -> set[str]:
    declared = schema.get("type", ())
    return {declared} if isinstance(declared, str) else set(declared)


def placed(body: dict[str, Any], spot: Spot) -> dict[str, Any]:
    """Return a body with a marker; what is not there yet is made, and an object has an id."""
    body = copy.deepcopy(body)
    at: Any = body
    for step, after in zip(spot.steps[:-1], spot.steps[1:], strict=True):
        if isinstance(step, int) and len(at) <= step:
            at.append(None)
        below = at.get(step) if isinstance(at, dict) else at[step]
        kind = list if isinstance(after, int) else dict
        if not isinstance(below, kind):
            at[step] = below = [] if kind is list else {"id": below if isinstance(below, str) else "of_it"}
        at = below
    last = spot.steps[-1]
    if isinstance(last, int) and len(at) <= last:
        at.append(None)
    at[last] = copy.deepcopy(spot.value)
    return body
