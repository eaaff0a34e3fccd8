"""Checks OpenAPI documents: first their references, which the specification's validator would follow anywhere."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from openapi_spec_validator import OpenAPIV31SpecValidator

from codegen import reference
from codegen.personal import subschemas
from codegen.shape import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.document import Document, Place
    from codegen.findings import Finding

_HINT = "correct it; see the OpenAPI 3.1 specification"
_LONGEST = 200


# Comparing two commits reads most documents twice, and the validator takes its time. A document is its path and text.
@lru_cache(maxsize=256)
def findings(document: Document) -> tuple[Finding, ...]:
    """Return what is wrong with an OpenAPI document; broken references alone, where there are any."""
    return tuple(_findings(document))


def _findings(document: Document) -> Iterator[Finding]:
    dangling = list(_dangling(document))
    if dangling:
        yield from dangling
        return
    try:
        errors: list[Any] = list(OpenAPIV31SpecValidator(document.data).iter_errors())
    except Exception as error:  # noqa: BLE001 - the validator raises many kinds of error on a document that it cannot read
        yield document.finding("openapi", (), f"the document cannot be read: {_cut(str(error))}", _HINT)
        return
    for problem in errors:
        deepest = problem
        while context := getattr(deepest, "context", None):
            deepest = max(context, key=lambda each: len(each.absolute_path))
        place = tuple(getattr(deepest, "absolute_path", ()))
        yield document.finding("openapi", place, _cut(str(getattr(deepest, "message", deepest))), _HINT)


def _dangling(document: Document) -> Iterator[Finding]:
    """Yield references that lead out of the document, nowhere, or back to themselves, and of schemas to no schema."""
    schemas = frozenset(_schemas(document.data, ()))
    for place, data in _references(document.data, ()):
        wrong = _wrong(document, place, data, schemas)
        if wrong:
            hint = "refer to what is declared, as #/components/… (RFC 6901: ~1 is a slash in a name, ~0 a tilde)"
            yield document.finding("openapi", (*place, "$ref"), wrong, hint)


def _wrong(document: Document, place: Place, data: Any, schemas: frozenset[Place]) -> str:
    """Return what is wrong with a reference as a sentence; empty where nothing is."""
    if not isinstance(data["$ref"], str):
        return f"a reference is a text, not {shown(data['$ref'])}"
    try:
        for end, _ in reference.chain(document.data, place, data):
            if place in schemas and end not in schemas:
                return f"the reference {data['$ref']} leads to something that is not a schema"
    except reference.DanglingError as error:
        return str(error)
    return ""


def _schemas(data: Any, place: Place) -> Iterator[Place]:
    """Yield the place of every schema: those with a name, those of bodies and parameters, and all inside of them."""
    if place == ("components", "schemas"):
        for name, schema in data.items() if isinstance(data, dict) else ():
            yield from _below(schema, (*place, name))
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from (_below if key == "schema" else _schemas)(value, (*place, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _schemas(value, (*place, index))


def _below(schema: Any, place: Place) -> Iterator[Place]:
    yield place
    for steps, inner in subschemas(schema) if isinstance(schema, dict) else ():
        yield from _below(inner, (*place, *steps))


def _references(data: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    """Yield every object that holds a `$ref`; a property may be called so: then it holds a schema, not a text."""
    if isinstance(data, dict):
        if "$ref" in data and not isinstance(data["$ref"], dict):
            yield place, data
        for name, value in data.items():
            yield from _references(value, (*place, name))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _references(value, (*place, index))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
