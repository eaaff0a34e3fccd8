"""Checks OpenAPI documents: first their references, which the specification's validator would follow anywhere."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from openapi_spec_validator import OpenAPIV31SpecValidator

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
    """Yield references that lead out of the document, nowhere, or back to themselves."""
    for place, reference in _references(document.data, ()):
        if not isinstance(reference, str) or not reference.startswith("#/"):
            message = f"the reference {reference} leads out of the document"
            yield document.finding("openapi", place, message, "refer to #/components/…")
            continue
        passed: set[str] = set()
        target: Any = {"$ref": reference}
        while isinstance(target, dict) and isinstance(following := target.get("$ref"), str):
            if following in passed:
                message = f"the reference {reference} leads back to itself"
                yield document.finding("openapi", place, message, "declare what it refers to")
                break
            passed.add(following)
            try:
                target = _at(document.data, following)
            except LookupError:
                message = f"there is no {following}"
                yield document.finding("openapi", place, message, "declare it, or refer to what is declared")
                break


def _references(data: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    if isinstance(data, dict):
        for name, value in data.items():
            # A property may be called $ref: then it holds a schema, not a text.
            if name == "$ref" and not isinstance(value, dict):
                yield (*place, name), value
            else:
                yield from _references(value, (*place, name))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _references(value, (*place, index))


def _at(data: Any, reference: str) -> Any:
    """Return what a JSON Pointer (RFC 6901) in a fragment points to; LookupError where that is nothing."""
    for step in reference.removeprefix("#/").split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(data, list) and name.isdecimal():
            data = data[int(name)]
        elif isinstance(data, dict):
            data = data[name]
        else:
            raise LookupError(reference)
    return data


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
