"""Operations and schemas of an OpenAPI document, as a page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codegen.reference import is_reference, name_of, resolved

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.model import Api

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "pattern": "of the form {}",
}


@dataclass(frozen=True, slots=True)
class Property:
    """A member of a schema."""

    name: str
    type: str
    schema: str
    required: bool
    personal: bool
    description: str


@dataclass(frozen=True, slots=True)
class Body:
    """What a request or an answer carries.

    `schema` is the name of a component, or empty. Where it is empty, `members` are those of the schema that stands
    there, each by its path.
    """

    media_type: str
    type: str
    schema: str
    members: tuple[Property, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[Mapping[str, Any], ...]
    request: tuple[Body, ...]
    responses: tuple[tuple[str, str, tuple[Body, ...]], ...]


@dataclass(frozen=True, slots=True)
class Schema:
    """A named schema and its members; `type` says what it is where it has none."""

    name: str
    type: str
    description: str
    properties: tuple[Property, ...]


def operations(api: Api) -> Iterator[Operation]:
    """Yield the operations of an API in the order in which they are written."""
    document = api.source.data
    for path, item in document.get("paths", {}).items():
        for method, data in resolved(document, item).items():
            if method in _METHODS:
                answers = {status: resolved(document, each) for status, each in data.get("responses", {}).items()}
                yield Operation(
                    id=data.get("operationId", f"{method}-{path}"),
                    method=method.upper(),
                    path=path,
                    summary=data.get("summary", ""),
                    description=data.get("description", ""),
                    parameters=tuple(resolved(document, each) for each in data.get("parameters", ())),
                    request=tuple(_bodies(resolved(document, data.get("requestBody", {})))),
                    responses=tuple(
                        (status, answer.get("description", ""), tuple(_bodies(answer)))
                        for status, answer in answers.items()
                    ),
                )


def schemas(document: Mapping[str, Any]) -> Iterator[Schema]:
    """Yield the named schemas of an OpenAPI document."""
    for name, data in document.get("components", {}).get("schemas", {}).items():
        yield Schema(
            name=name,
            type=type_of(data),
            description=data.get("description", ""),
            properties=tuple(_property(data, member) for member in data.get("properties", {})),
        )


def type_of(schema: Mapping[str, Any]) -> str:
    """Return a schema's type in words, with its closed set, form and limits."""
    if is_reference(schema):
        return _reference(schema)
    for key, joint in (("anyOf", " or "), ("oneOf", " or "), ("allOf", " and ")):
        if key in schema:
            return joint.join(type_of(each) for each in schema[key])
    if "const" in schema:
        return f"always {schema['const']}"
    names = schema.get("type", "any value")
    text = names if isinstance(names, str) else " or ".join(names)
    if "items" in schema:
        text += f" of {type_of(schema['items'])}"
    if isinstance(schema.get("additionalProperties"), dict):
        text += f" of {type_of(schema['additionalProperties'])}"
    if "enum" in schema:
        text += ": " + ", ".join(str(value) for value in schema["enum"])
    notes = [schema["format"]] if "format" in schema else []
    notes += [words.format(schema[key]) for key, words in _LIMITS.items() if key in schema]
    return f"{text} ({', '.join(notes)})" if notes else text


def _property(schema: Mapping[str, Any], name: str, above: str = "") -> Property:
    member = schema["properties"][name]
    return Property(
        name=f"{above}{name}",
        type=type_of(member),
        schema=_reference(member),
        required=name in schema.get("required", ()),
        personal=member.get("x-personal-data") is True,
        description=member.get("description", ""),
    )


def _inside(schema: Mapping[str, Any], above: str = "") -> Iterator[Property]:
    for name, member in schema.get("properties", {}).items():
        yield _property(schema, name, above)
        yield from _inside(member, f"{above}{name}.")


def _reference(schema: Mapping[str, Any]) -> str:
    return name_of(schema) or name_of(schema.get("items", {}))


def _bodies(data: Mapping[str, Any]) -> Iterator[Body]:
    for media_type, content in data.get("content", {}).items():
        schema = content.get("schema", {})
        yield Body(media_type, type_of(schema), _reference(schema), tuple(_inside(schema)))
