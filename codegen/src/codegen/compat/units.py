"""Units in docs: a number keeps its meaning only as long as what it counts stays the same.

Docs may be reworded at will, but for the units that they name. A unit that an earlier doc left out may be added.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from codegen.avro import walk
from codegen.compat.breakage import Breakage, broken
from codegen.compat.payloads import members

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.compat.breakage import Concern
    from codegen.document import Document, Place
    from codegen.model import Catalog

_UNIT = re.compile(
    r"\b(nano|micro|milli)?second(?=s?\b)|\b(?:minute|hour|day|month|year|gram|kilogram|byte|character|cent)(?=s?\b)"
    r"|\b[KMG]i?B\b|\bminor unit|\bmajor unit|\bper ?cent\b|%|\bbasis points?\b|\bUTC\b|\b0(?:\.0)? to 1(?:00|\.0)?\b",
    re.IGNORECASE,
)

_WORDS = frozenset({"description", "summary", "title"})
# What holds values of a schema's own, in which such a key is not a keyword.
_VALUES = frozenset({"example", "examples", "default", "enum", "const"})


def units(doc: str) -> frozenset[str]:
    """Return the units that a doc names, each in one form."""
    return frozenset(
        match[0].lower().replace("per cent", "percent").replace("%", "percent") for match in _UNIT.finditer(doc)
    )


def changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield docs that no longer name a unit that they named."""
    before = {concern: doc for concern, doc, _, _ in _docs(old)}
    for concern, doc, source, place in _docs(new):
        lost = sorted(units(before.get(concern, "")) - units(doc))
        if lost:
            now = ", ".join(sorted(units(doc))) or "none"
            message = f"{concern[-1]} was counted in {', '.join(lost)}, and its doc now names {now}"
            hint = "leave the unit; what is counted in another one gets a name of its own"
            yield broken(concern, source, place, message, hint)


def _docs(catalog: Catalog) -> Iterator[tuple[Concern, str, Document, Place]]:
    """Yield every doc that may name a unit, by what it is the doc of."""
    for name, versions in catalog.records.items():
        # Earlier versions are released, and do not change at all.
        newest = versions[-1]
        for path, field in walk(newest.record):
            yield ("field", name, ".".join(path)), field.doc, newest.source, (*field.place, "doc")
    for table in catalog.derived:
        # A column without a doc means what its source means.
        for column in (each for each in table.columns if each.doc):
            concern = ("column", table.identifier, column.name)
            yield concern, column.doc, table.source, ("columns", column.name, "doc")
    for provider in catalog.providers:
        for way, member in members(provider).items():
            doc = str(member.schema.get("description", ""))
            yield ("payload", provider.name, way), doc, provider.payload.source, (*member.place, "description")
    for api in catalog.apis:
        for place, doc in described(api.source.data, ()):
            yield ("words", api.name, str(api.version), ".".join(map(str, place[:-1]))), doc, api.source, place


def described(data: Any, place: Place) -> Iterator[tuple[Place, str]]:
    """Yield every `description` and `summary` of an OpenAPI document, which is a text, with its place."""
    if isinstance(data, dict):
        for key, each in data.items():
            if key in _WORDS and isinstance(each, str):
                yield (*place, key), each
            elif key not in _VALUES:
                yield from described(each, (*place, key))
    elif isinstance(data, list):
        for index, each in enumerate(data):
            yield from described(each, (*place, index))
