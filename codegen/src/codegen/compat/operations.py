"""The operations of an OpenAPI document, with references followed and inherited parts in place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codegen.reference import followed, resolved

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.document import Place
    from codegen.model import Api

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a document and its place."""

    data: Mapping[str, Any]
    place: Place


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: its bodies by media type, its headers by name in lower case."""

    content: Mapping[str, Part]
    headers: Mapping[str, Part]


@dataclass(frozen=True, slots=True)
class Operation:
    """A method on a path. `parameters` are by where and name; `security` are alternatives, each a set of demands."""

    document: Mapping[str, Any]
    id: str | None
    path: str
    method: str
    place: Place
    parameters: Mapping[tuple[str, str], Part]
    body: Part | None
    bodies: Mapping[str, Part]
    responses: Mapping[str, Response]
    security: tuple[frozenset[tuple[str, str]], ...]

    @property
    def name(self) -> str:
        """Return what people call it, such as `POST /orders`."""
        return f"{self.method.upper()} {self.path}"


def operations(api: Api) -> Iterator[Operation]:
    """Yield every operation of an API, in the order of the document."""
    document = api.source.data
    for path, item in document.get("paths", {}).items():
        followed_item = resolved(document, item)
        for method in _METHODS:
            if method in followed_item:
                yield _operation(document, path, method, followed_item)


def _operation(document: Mapping[str, Any], path: str, method: str, item: Mapping[str, Any]) -> Operation:
    place: Place = ("paths", path, method)
    data = item[method]
    parameters: dict[tuple[str, str], Part] = {}
    for where, each_of in ((("paths", path), item), (place, data)):
        for index, each in enumerate(each_of.get("parameters", ())):
            part = _followed(document, Part(each, (*where, "parameters", index)))
            # A header's name has no case.
            name = part.data["name"].lower() if part.data["in"] == "header" else part.data["name"]
            parameters[part.data["in"], name] = part
    body = _followed(document, Part(data["requestBody"], (*place, "requestBody"))) if "requestBody" in data else None
    return Operation(
        document=document,
        id=data.get("operationId"),
        path=path,
        method=method,
        place=place,
        parameters=parameters,
        body=body,
        bodies=_contents(body) if body else {},
        responses={
            status: _response(document, Part(response, (*place, "responses", status)))
            for status, response in data.get("responses", {}).items()
        },
        security=_security(document, data),
    )


def _response(document: Mapping[str, Any], part: Part) -> Response:
    part = _followed(document, part)
    headers = {
        name.lower(): _followed(document, Part(header, (*part.place, "headers", name)))
        for name, header in part.data.get("headers", {}).items()
    }
    return Response(_contents(part), headers)


def _contents(part: Part) -> dict[str, Part]:
    return {media: Part(data, (*part.place, "content", media)) for media, data in part.data.get("content", {}).items()}


def _followed(document: Mapping[str, Any], part: Part) -> Part:
    place, data = followed(document, part.place, part.data)
    return Part(data, place)


def _security(document: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[frozenset[tuple[str, str]], ...]:
    schemes = document.get("components", {}).get("securitySchemes", {})
    asked = data.get("security", document.get("security", ()))
    alternatives = [
        frozenset(
            (name, f"{_plain(schemes.get(name, {}))} {scope}")
            for name, scopes in each.items()
            for scope in scopes or [""]
        )
        for each in asked
    ]
    return tuple(alternatives) or (frozenset(),)


def _plain(scheme: Mapping[str, Any]) -> str:
    return repr(
        sorted((key, str(value)) for key, value in scheme.items() if key not in {"description", "bearerFormat"})
    )
