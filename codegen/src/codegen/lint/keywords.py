"""Rules on names that a reader would pass over: a tag with a typo is no tag, and what it guards is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codegen.suggestion import meant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.document import Document, Place
    from codegen.findings import Finding
    from codegen.model import Catalog

_TAG: Final = "x-personal-data"
# JSON Schema 2020-12 (https://json-schema.org/draft/2020-12/schema), OpenAPI 3.1's additions, and the tag of our own.
_SPECIFIED = """
    $anchor $comment $defs $id $ref $schema additionalProperties allOf anyOf const contains contentEncoding
    contentMediaType contentSchema default dependentRequired dependentSchemas deprecated description discriminator else
    enum example examples exclusiveMaximum exclusiveMinimum externalDocs format if items maxContains maxItems maxLength
    maxProperties maximum minContains minItems minLength minProperties minimum multipleOf not oneOf pattern
    patternProperties prefixItems properties propertyNames readOnly required then title type unevaluatedItems
    unevaluatedProperties uniqueItems writeOnly xml
"""
_KEYWORDS: Final = frozenset(_SPECIFIED.split()) | {_TAG}
# https://json-schema.org/draft/2020-12/json-schema-validation#section-7.3 and https://spec.openapis.org/registry/format/.
_REGISTERED = """
    binary byte char date date-time decimal double duration email float hostname http-date idn-email idn-hostname int16
    int32 int64 int8 ipv4 ipv6 iri iri-reference json-pointer media-range password regex relative-json-pointer time
    time-local uint16 uint32 uint64 uint8 uri uri-reference uri-template uuid
"""
_FORMATS: Final = frozenset(_REGISTERED.split())
_ATTRIBUTES: Final = {
    "a record": frozenset({"type", "name", "namespace", "doc", "fields"}),
    "a field": frozenset({"name", "type", "doc", "default", "allowed_values", "personal_data"}),
    "a type": frozenset({"type", "items", "values", "logicalType", "precision", "scale"}),
}


def keywords(catalog: Catalog) -> Iterator[Finding]:
    """Yield keywords and formats in schemas of payloads and APIs that nobody knows, and tags that are no booleans."""
    documents = [*(each.payload.source for each in catalog.providers), *(each.source for each in catalog.apis)]
    for document in documents:
        for name, schema in document.data.get("components", {}).get("schemas", {}).items():
            yield from _schema(document, schema, ("components", "schemas", name))


def attributes(catalog: Catalog) -> Iterator[Finding]:
    """Yield attributes of records, fields and types that codegen does not read; a file is looked at once."""
    seen: set[Finding] = set()
    for versions in catalog.records.values():
        for version in versions:
            for finding in _attributes(version.source, version.source.data, ()):
                if finding not in seen:
                    seen.add(finding)
                    yield finding


def _schema(document: Document, schema: Any, place: Place) -> Iterator[Finding]:
    if not isinstance(schema, dict):
        return
    hint = "correct it, or say it in the description"
    for key, value in schema.items():
        here = (*place, key)
        if key not in _KEYWORDS:
            message = f"there is no keyword {key!r}{meant(key, _KEYWORDS)}"
            yield document.finding("keyword", here, message, hint)
        elif key == "format" and value not in _FORMATS:
            message = f"there is no format {value!r}{meant(value, _FORMATS)}"
            yield document.finding("keyword", here, message, hint)
        elif key == _TAG and not isinstance(value, bool):
            yield document.finding(
                "keyword", here, f"{_TAG} is {value!r}, not true or false", "write true, or remove it"
            )
        else:
            for name, inner in _inner(key, value):
                yield from _schema(document, inner, (*here, *name))


def _inner(key: str, value: Any) -> Iterator[tuple[Place, Any]]:
    """Yield the schemas that a keyword holds, each with its place below it."""
    if key in {"properties", "patternProperties", "$defs"}:
        yield from (((name,), each) for name, each in value.items())
    elif key in {"items", "additionalProperties", "propertyNames", "not", "contains", "if", "then", "else"}:
        yield (), value
    elif key in {"allOf", "anyOf", "oneOf", "prefixItems"}:
        yield from (((index,), each) for index, each in enumerate(value))


def _attributes(document: Document, data: Any, place: Place) -> Iterator[Finding]:
    match data:
        case list():
            for index, each in enumerate(data):
                yield from _attributes(document, each, (*place, index))
        case {"type": "record", "fields": [*fields]}:
            yield from _unknown(document, data, place, "a record")
            for index, field in enumerate(fields):
                here = (*place, "fields", index)
                yield from _unknown(document, field, here, "a field")
                yield from _attributes(document, field.get("type"), (*here, "type"))
        case dict():
            yield from _unknown(document, data, place, "a type")
            for key in ("type", "items", "values"):
                yield from _attributes(document, data.get(key), (*place, key))


def _unknown(document: Document, data: dict[str, Any], place: Place, what: str) -> Iterator[Finding]:
    known = _ATTRIBUTES[what]
    for key in data:
        if key not in known:
            message = f"{what} has no attribute {key!r}{meant(key, known)}"
            yield document.finding("attribute", (*place, key), message, f"known are {', '.join(sorted(known))}")
