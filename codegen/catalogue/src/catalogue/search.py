"""What the search box of the catalogue finds: names, what they are, where they stand, what they mean."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from codegen.lint import RULES
from codegen.text import file

from catalogue.site import notice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Catalog, GeneratedFile, Provider

Entry = tuple[str, str, str, str]


def index(catalog: Catalog) -> GeneratedFile:
    """Return the index as a script: a page that is opened from disk may load no other data."""
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in entries(catalog))
    return file("search.js", f"// {notice('contracts')}\nwindow.CATALOGUE = [\n{lines}\n];")


def entries(catalog: Catalog) -> Iterator[Entry]:
    """Yield name, kind, address and meaning of everything that has a place of its own."""
    yield from _records(catalog)
    yield from _flows(catalog)
    for provider in catalog.providers:
        yield from _provider(provider)
    for api in catalog.apis:
        yield api.name, "API", f"api-{api.name}-v{api.version}.html", str(api.source.data["info"]["title"])
    for rules in (catalog.ingestion, catalog.validation):
        for code, meaning in rules.reason_codes.items():
            yield code, "reason code", f"rules.html#{rules.name}.{code}", meaning
    for rule in RULES:
        yield rule.id, "check", f"checks.html#{rule.id}", rule.purpose


def _records(catalog: Catalog) -> Iterator[Entry]:
    for name, versions in catalog.records.items():
        newest = versions[-1]
        yield name, "record", f"record-{name}.html", newest.record.doc
        for field in newest.record.fields:
            yield field.name, f"field of {name}", f"record-{name}.html#v{newest.version}.{field.name}", field.doc


def _flows(catalog: Catalog) -> Iterator[Entry]:
    for topic in catalog.topics:
        yield topic.name, "topic", f"topics.html#{topic.name}", topic.description
    for table in catalog.tables:
        yield table.identifier, "table", f"tables.html#{table.identifier}", table.description
    for each in catalog.database:
        yield each.name, "database table", f"tables.html#{each.name}", each.description
    for derived in catalog.derived:
        yield derived.identifier, "table", f"tables.html#{derived.identifier}", derived.description
        for column in derived.columns:
            place = f"tables.html#{derived.identifier}.{column.name}"
            yield column.name, f"column of {derived.identifier}", place, column.doc


def _provider(provider: Provider) -> Iterator[Entry]:
    page = f"provider-{provider.name}.html"
    yield provider.title, "provider", page, provider.documentation
    for group in provider.mapping.groups:
        for event in group.events:
            yield event, f"event of {provider.title}", f"{page}#event.{event}", ""
    for example in provider.examples:
        place = f"examples-{provider.name}.html#example.{example.name}"
        yield example.name, f"example, {example.kind}", place, example.description
