"""The reference of an HTTP API as a page, from its OpenAPI document among the contracts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalogue.apis import operations, schemas

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from catalogue.apis import Body, Operation, Property
    from codegen.model import Api


def slug(api: Api) -> str:
    """Return the name of an API's page, without its ending."""
    return f"{api.name}-v{api.version}"


def reference(api: Api) -> str:
    """Return the page of an API."""
    return "\n".join(_lines(api))


def _lines(api: Api) -> Iterator[str]:
    document = api.source.data
    yield f"# {document['info']['title']}"
    yield f"\n{_prose(document['info'].get('description', ''))}\n"
    yield f"Written from `contracts/{api.source.path}`; "
    yield f'<a href="../openapi/{slug(api)}.json" download>the OpenAPI document</a>.\n'
    for operation in operations(api):
        yield from _operation(operation)
    yield "## Schemas\n"
    for schema in schemas(document):
        yield f"### {schema.name}\n\n{_prose(schema.description)}\n"
        if schema.properties:
            yield from _table(schema.properties)
        else:
            yield f"{_cell(schema.type)}\n"


def _operation(operation: Operation) -> Iterator[str]:
    yield f"## {operation.method} {operation.path}\n"
    yield f"{operation.summary}. {_prose(operation.description)}\n"
    rows = [
        (f"{each['in']} `{each['name']}`", _needed(bool(each.get("required"))), each.get("description", ""))
        for each in operation.parameters
    ]
    rows += [("body", _content(operation.request), "")] if operation.request else []
    rows += [
        (f"body `{each.name}`", f"{_needed(each.required)}: {each.type}", each.description)
        for body in operation.request
        for each in body.members
    ]
    rows += [(status, _content(content), meaning) for status, meaning, content in operation.responses]
    yield "| part | content | meaning |\n| --- | --- | --- |"
    yield from (f"| {part} | {_cell(content)} | {_cell(meaning)} |" for part, content, meaning in rows)
    yield ""


def _table(members: Sequence[Property]) -> Iterator[str]:
    yield "| member | type | meaning |\n| --- | --- | --- |"
    for each in members:
        personal = " Personal data." if each.personal else ""
        name, kind = f"`{each.name}` ({_needed(each.required)})", _linked(each.schema, each.type)
        yield f"| {name} | {kind} | {_cell(each.description)}{personal} |"
    yield ""


def _needed(is_required: bool) -> str:  # noqa: FBT001  # one word of a table
    return "required" if is_required else "optional"


def _content(bodies: Sequence[Body]) -> str:
    return ", ".join(f"`{body.media_type}`: {_linked(body.schema, body.type)}" for body in bodies)


def _linked(schema: str, text: str) -> str:
    return f"[{text}](#{schema.lower()})" if schema else _cell(text)


def _prose(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    """Return a text that stands in a table: a pattern may hold what Markdown would take for its own."""
    return _prose(text).replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")
