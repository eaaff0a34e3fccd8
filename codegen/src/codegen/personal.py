"""The tag of personal data in a payload contract: which schemas hold for a value, and whether one of them is tagged.

JSON Schema lets several schemas hold for one value: what a `$ref` leads to, the parts of `allOf`, the alternatives of
`anyOf` and `oneOf`, patterns beside properties (https://json-schema.org/draft/2020-12/json-schema-core#section-10). A
tag in any of them counts: it is never weaker than whoever wrote it meant it to be.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, Any, Final

from codegen.reference import chain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from codegen.document import Place

TAG: Final = "x-personal-data"

_BY_NAME = frozenset({"properties", "patternProperties", "$defs", "dependentSchemas"})
_ALONE = frozenset(
    {
        *("items", "contains", "unevaluatedItems"),
        *("additionalProperties", "propertyNames", "unevaluatedProperties"),
        *("not", "if", "then", "else", "contentSchema"),
    }
)
_LISTED = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
# What a keyword holds stands for the same value, and not for a part of it.
_SAME = frozenset({"allOf", "anyOf", "oneOf", "if", "then", "else", "not", "dependentSchemas", "contentSchema"})


class Part(enum.Enum):
    """Parts of a value that have no name: any item of a list, any value of a map."""

    ITEM = "[]"
    VALUE = "{}"


def subschemas(schema: Mapping[str, Any]) -> Iterator[tuple[Place, Any]]:
    """Yield every schema that stands directly inside one, with its place below it."""
    for keyword, value in schema.items():
        if keyword in _BY_NAME and isinstance(value, dict):
            yield from (((keyword, name), each) for name, each in value.items())
        elif keyword in _LISTED and isinstance(value, list):
            yield from (((keyword, index), each) for index, each in enumerate(value))
        elif keyword in _ALONE:
            yield (keyword,), value


def holding(document: Any, schemas: Iterable[Any]) -> tuple[Mapping[str, Any], ...]:
    """Return all that holds for a value, of the schemas that are written for it; DanglingError."""
    found: dict[int, Mapping[str, Any]] = {}
    open_ones = list(schemas)
    while open_ones:
        for _, each in chain(document, (), open_ones.pop()):
            if isinstance(each, dict) and id(each) not in found:
                found[id(each)] = each
                open_ones += [inner for (keyword, *_), inner in subschemas(each) if keyword in _SAME]
    return tuple(found.values())


def below(document: Any, schemas: Iterable[Mapping[str, Any]], step: str | int | Part) -> tuple[Mapping[str, Any], ...]:
    """Return all that holds for a part of a value, of the schemas that hold for the value."""
    return holding(document, (each for schema in schemas for each in _parts(schema, step)))


def is_tagged(schemas: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether one of the schemas that hold for a value says that it is personal data."""
    return any(each.get(TAG) is True for each in schemas)


def is_mixed(document: Any, schemas: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether anything inside a value is personal data, however deep: as a whole it is not to be kept."""
    seen: set[int] = set()
    open_ones = list(schemas)
    while open_ones:
        for each in holding(document, [open_ones.pop()]):
            if id(each) in seen:
                continue
            seen.add(id(each))
            if each.get(TAG) is True:
                return True
            open_ones += [inner for (keyword, *_), inner in subschemas(each) if keyword not in {*_SAME, "$defs"}]
    return False


def _parts(schema: Mapping[str, Any], step: str | int | Part) -> Iterator[Any]:
    patterns = schema.get("patternProperties", {})
    match step:
        case str():
            named = [schema["properties"][step]] if step in schema.get("properties", {}) else []
            named += [each for pattern, each in patterns.items() if _matches(pattern, step)]
            yield from named or (schema.get("additionalProperties"), schema.get("unevaluatedProperties"))
        case Part.VALUE:
            yield from (*patterns.values(), schema.get("additionalProperties"), schema.get("unevaluatedProperties"))
        case _:
            yield from (schema.get("items"), schema.get("contains"), schema.get("unevaluatedItems"))
            yield from schema.get("prefixItems", ())


def _matches(pattern: str, name: str) -> bool:
    """Return whether a name may have a pattern; where Python cannot read the pattern, it may."""
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return True
