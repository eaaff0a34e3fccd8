"""References inside a JSON document: the fragment of a URI (RFC 3986) that holds a JSON Pointer (RFC 6901).

The one place that reads `$ref`: the check of OpenAPI documents, payload contracts, compat, diff, the catalogue.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from codegen.suggestion import meant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.document import Place

_SCHEMAS = "#/components/schemas/"
_INDEX = re.compile(r"0|[1-9][0-9]*", re.ASCII)
_WRONG_ESCAPE = re.compile(r"~(?![01])")


class DanglingError(LookupError):
    """A reference leads nowhere, out of its document or back to itself; the message is a sentence."""


def to_schema(name: str) -> str:
    """Return the reference to a named schema of an OpenAPI document."""
    return _SCHEMAS + name.replace("~", "~0").replace("/", "~1").replace("%", "%25")


def names(reference: str) -> tuple[str, ...]:
    """Return the names that a reference passes through; DanglingError where it does not point into its own document."""
    if not reference.startswith("#"):
        raise DanglingError(f"the reference {reference} leads out of the document")
    try:
        pointer = unquote(reference[1:], errors="strict")
    except UnicodeDecodeError as error:
        raise DanglingError(f"the reference {reference} has a percent-encoding that is not UTF-8") from error
    if pointer and not pointer.startswith("/"):
        raise DanglingError(f"the reference {reference} is not a JSON Pointer: a slash follows the #")
    if _WRONG_ESCAPE.search(pointer):
        raise DanglingError(f"the reference {reference} has a ~ that is not followed by 0 or 1")
    # In this order: ~01 is a tilde and a 1, never a slash.
    return tuple(each.replace("~1", "/").replace("~0", "~") for each in pointer.split("/")[1:])


def target(document: Any, reference: str) -> tuple[Place, Any]:
    """Return the place that a reference leads to and what is there; DanglingError where that is nothing."""
    place: Place = ()
    for name in names(reference):
        if isinstance(document, dict) and name in document:
            place, document = (*place, name), document[name]
        elif isinstance(document, list) and _INDEX.fullmatch(name) and int(name) < len(document):
            place, document = (*place, int(name)), document[int(name)]
        else:
            raise DanglingError(f"there is no {reference}{meant(name, document if isinstance(document, dict) else ())}")
    return place, document


def chain(document: Any, place: Place, data: Any) -> Iterator[tuple[Place, Any]]:
    """Yield some data with its place, then, as long as that is a reference, what it leads to; DanglingError."""
    yield place, data
    passed: set[Place] = set()
    while is_reference(data):
        reference = data["$ref"]
        place, data = target(document, reference)
        if place in passed:
            raise DanglingError(f"the reference {reference} leads back to itself")
        passed.add(place)
        yield place, data


def followed(document: Any, place: Place, data: Any) -> tuple[Place, Any]:
    """Return where a chain of references ends and what is there; DanglingError."""
    *_, end = chain(document, place, data)
    return end


def resolved(document: Any, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema without its reference: joined with what it refers to, itself first; DanglingError.

    JSON Schema reads what is written beside a `$ref` together with what the `$ref` leads to.
    """
    found: dict[str, Any] = {}
    for _, each in chain(document, (), schema):
        found = {**each, **found}
    return {keyword: value for keyword, value in found.items() if keyword != "$ref"} if is_reference(schema) else found


def is_reference(data: Any) -> bool:
    """Return whether some data are a reference; a property that is called `$ref` holds a schema, not a text."""
    return isinstance(data, dict) and isinstance(data.get("$ref"), str)


def name_of(data: Any) -> str:
    """Return the last name of a reference, by which people know what it leads to; empty where it is none."""
    return names(data["$ref"])[-1] if is_reference(data) else ""
