"""Rules on names that a reader would pass over: a tag with a typo is no tag, and what it guards is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codegen.extension import is_inherited
from codegen.personal import TAG, subschemas
from codegen.suggestion import meant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.document import Document, Place
    from codegen.findings import Finding
    from codegen.model import Catalog, RecordVersion

# JSON Schema 2020-12 (https://json-schema.org/draft/2020-12/schema), OpenAPI 3.1's additions, and the tag of our own.
_SPECIFIED = """
    $anchor $comment $defs $id $ref $schema additionalProperties allOf anyOf const contains contentEncoding
    contentMediaType contentSchema default dependentRequired dependentSchemas deprecated description discriminator else
    enum example examples exclusiveMaximum exclusiveMinimum externalDocs format if items maxContains maxItems maxLength
    maxProperties maximum minContains minItems minLength minProperties minimum multipleOf not oneOf pattern
    patternProperties prefixItems properties propertyNames readOnly required then title type unevaluatedItems
    unevaluatedProperties uniqueItems writeOnly xml
"""
# What holds values, in which a tag is a word like any other.
_VALUES: Final = frozenset({"example", "examples", "default", "enum", "const"})
_SCHEMAS: Final = ("components", "schemas")
_KEYWORDS: Final = frozenset(_SPECIFIED.split()) | {TAG}
# https://json-schema.org/draft/2020-12/json-schema-validation#section-7.3 and https://spec.openapis.org/registry/format/.
_REGISTERED = """
    binary byte char date date-time decimal double duration email float hostname http-date idn-email idn-hostname int16
    int32 int64 int8 ipv4 ipv6 iri iri-reference json-pointer media-range password regex relative-json-pointer time
    time-local uint16 uint32 uint64 uint8 uri uri-reference uri-template uuid
"""
_FORMATS: Final = frozenset(_REGISTERED.split())
_ATTRIBUTES: Final = {
    "a record": frozenset({"type", "name", "namespace", "doc", "fields"}),
    "a field": frozenset({"name", "type", "doc", "default", "aliases", "allowed_values", "personal_data"}),
    "a type": frozenset({"type", "items", "values", "logicalType", "precision", "scale"}),
}


def keywords(catalog: Catalog) -> Iterator[Finding]:
    """Yield keywords and formats in schemas of payloads and APIs that are unknown, and tags that are no booleans."""
    documents = [*(each.payload.source for each in catalog.providers), *(each.source for each in catalog.apis)]
    for document in documents:
        named = document.data.get("components", {}).get("schemas", {})
        schemas = dict(each for name, schema in named.items() for each in _schemas(schema, (*_SCHEMAS, name)))
        for place, schema in schemas.items():
            yield from _misspelt(document, schema, place)
        yield from _astray(document, document.data, (), schemas)


def attributes(catalog: Catalog) -> Iterator[Finding]:
    """Yield attributes of records, fields and types that codegen does not read; each is told once, where it stands."""
    seen: set[Finding] = set()
    told: set[str] = set()
    for versions in sorted(catalog.records.values(), key=_is_made_from_another):
        for version in versions:
            for place, message, hint in _attributes(version.source.data, ()):
                finding = version.source.finding("attribute", place, message, hint)
                if finding not in seen and not (is_inherited(version.source, place) and message in told):
                    seen.add(finding)
                    told.add(message)
                    yield finding


def _is_made_from_another(versions: tuple[RecordVersion, ...]) -> bool:
    return versions[0].base is not None


def _schemas(schema: Any, place: Place) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    """Yield a schema and all that stand inside it, with their places."""
    if isinstance(schema, dict):
        yield place, schema
        for steps, inner in subschemas(schema):
            yield from _schemas(inner, (*place, *steps))


def _misspelt(document: Document, schema: Mapping[str, Any], place: Place) -> Iterator[Finding]:
    hint = "correct it, or say it in the description"
    for key, value in schema.items():
        here = (*place, key)
        if key not in _KEYWORDS:
            message = f"there is no keyword {key!r}{meant(key, _KEYWORDS)}"
            yield document.finding("keyword", here, message, hint)
        elif key == "format" and value not in _FORMATS:
            message = f"there is no format {value!r}{meant(value, _FORMATS)}"
            yield document.finding("keyword", here, message, hint)
        elif key == TAG and not isinstance(value, bool):
            message = f"{TAG} is {value!r}, not true or false"
            yield document.finding("keyword", here, message, "write true, or remove it")


def _astray(document: Document, data: Any, place: Place, schemas: Mapping[Place, Any]) -> Iterator[Finding]:
    """Yield tags of personal data that no schema has: a property is called so, or they are outside of the schemas."""
    if isinstance(data, list):
        for index, each in enumerate(data):
            yield from _astray(document, each, (*place, index), schemas)
    for key, value in data.items() if isinstance(data, dict) else ():
        if key == TAG and place not in schemas:
            message = f"{TAG} tags nothing here, where no schema of components is"
            yield document.finding("keyword", (*place, key), message, "write it beside the `type` of what it is to tag")
            continue
        # What a provider calls by such a name is a schema; outside of schemas, too, these keywords hold values.
        is_value = key in _VALUES and (place in schemas or place[:2] != _SCHEMAS)
        is_unknown = place in schemas and key not in _KEYWORDS
        if not is_value and not is_unknown:
            yield from _astray(document, value, (*place, key), schemas)


def _attributes(data: Any, place: Place) -> Iterator[tuple[Place, str, str]]:
    """Yield the place of each unknown attribute of a schema, what is wrong with it, and what is known."""
    match data:
        case list():
            for index, each in enumerate(data):
                yield from _attributes(each, (*place, index))
        case {"type": "record", "fields": [*fields]}:
            yield from _unknown(data, place, "a record")
            for index, field in enumerate(fields):
                here = (*place, "fields", index)
                yield from _unknown(field, here, "a field")
                yield from _attributes(field.get("type"), (*here, "type"))
        case dict():
            yield from _unknown(data, place, "a type")
            for key in ("type", "items", "values"):
                yield from _attributes(data.get(key), (*place, key))


def _unknown(data: dict[str, Any], place: Place, what: str) -> Iterator[tuple[Place, str, str]]:
    known = _ATTRIBUTES[what]
    for key in data:
        if key not in known:
            message = f"{what} has no attribute {key!r}{meant(key, known)}"
            yield (*place, key), message, f"known are {', '.join(sorted(known))}"
