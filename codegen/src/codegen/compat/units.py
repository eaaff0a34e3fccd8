"""Units in docs: a number keeps its meaning only as long as what it counts stays the same.

Docs may be reworded at will, but for the units that they name. A unit that an earlier doc left out may be added.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from codegen.avro import walk
from codegen.compat.breakage import Breakage, broken
from codegen.compat.payloads import both

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
    pairs = [(concern, before.get(concern, ""), doc, source, place) for concern, doc, source, place in _docs(new)]
    for concern, was, doc, source, place in (*pairs, *_payload_docs(old, new)):
        lost = sorted(units(was) - units(doc))
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
    for api in catalog.apis:
        for place, doc in described(api.source.data, ()):
            yield ("words", api.name, str(api.version), ".".join(map(str, place[:-1]))), doc, api.source, place


def _payload_docs(old: Catalog, new: Catalog) -> Iterator[tuple[Concern, str, str, Document, Place]]:
    """Yield the earlier and the present doc of each path of a payload."""
    for provider, payload, before, after in both(old, new):
        for path in before.keys() & after.keys():
            was, doc = (str(each[path].schema.get("description", "")) for each in (before, after))
            concern = ("payload", provider.name, payload, path)
            yield concern, was, doc, provider.payload.source, (*after[path].place, "description")


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
