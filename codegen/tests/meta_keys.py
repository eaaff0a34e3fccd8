"""The keys that the meta schemas know: `consumers.*` is any name below `consumers`, `sort[].field` a key of a list."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def keys(meta: Path) -> dict[str, frozenset[str]]:
    """Return the keys of each kind of contract, by the meta schemas in a folder."""
    return {
        file.name.removesuffix(".schema.json"): frozenset(_keys(json.loads(file.read_text(encoding="utf-8"))))
        for file in sorted(meta.glob("*.schema.json"))
    }


def _keys(document: dict[str, Any]) -> Iterator[str]:
    yield from _below(document, document, "", ())


def _below(document: dict[str, Any], schema: Any, key: str, above: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    reference = schema.get("$ref")
    if reference in above:
        return
    if reference is not None:
        target: Any = document
        for name in reference.removeprefix("#/").split("/"):
            target = target[name]
        yield from _below(document, target, key, (*above, reference))
    named = {f".{name}": each for name, each in schema.get("properties", {}).items()}
    named[".*"] = schema.get("additionalProperties")
    for name, each in named.items():
        inner = f"{key}{name}".removeprefix(".")
        if isinstance(each, dict):
            yield inner
        yield from _below(document, each, inner, above)
    yield from _below(document, schema.get("items"), f"{key}[]", above)
    for keyword in ("oneOf", "anyOf", "allOf"):
        for each in schema.get(keyword, ()):
            yield from _below(document, each, key, above)
