"""Rules on the HTTP APIs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codegen.emit.openapi import NOTED_FORMATS, TYPED_FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.document import Place
    from codegen.findings import Finding
    from codegen.model import Catalog

# Keywords of JSON Schema that a generated model lets pass without a look.
_UNHELD = frozenset(
    {
        "contains",
        "dependentRequired",
        "dependentSchemas",
        "else",
        "if",
        "maxContains",
        "minContains",
        "not",
        "patternProperties",
        "prefixItems",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
        "uniqueItems",
    }
)
_FORMATS = TYPED_FORMATS | NOTED_FORMATS


def unheld(catalog: Catalog) -> Iterator[Finding]:
    """Yield keywords and formats of an API's schemas that its models would not check."""
    for api in catalog.apis:
        schemas = api.source.data.get("components", {}).get("schemas", {})
        for name, schema in schemas.items():
            for place, keyword in _keywords(schema, ("components", "schemas", name)):
                message = f"models do not check {keyword}"
                yield api.source.finding("api", place, message, "say it with another keyword, or in the description")


def _keywords(schema: Any, place: Place) -> Iterator[tuple[Place, str]]:
    """Yield what a schema, and each schema inside it, says and a model would not check."""
    if not isinstance(schema, dict):
        return
    for key, value in schema.items():
        here = (*place, key)
        if key in _UNHELD:
            yield here, key
        elif key == "format" and value not in _FORMATS:
            yield here, f"the format {value}"
        elif key == "properties":
            for name, each in value.items():
                yield from _keywords(each, (*here, name))
        elif key in {"items", "additionalProperties"}:
            yield from _keywords(value, here)
        elif key in {"allOf", "anyOf", "oneOf"}:
            for index, each in enumerate(value):
                yield from _keywords(each, (*here, index))
