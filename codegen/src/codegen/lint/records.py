"""Rules on Avro records."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codegen.avro import innermost, nested_records, walk
from codegen.lint.words import RESERVED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.avro import Record
    from codegen.document import Document, Place
    from codegen.findings import Finding
    from codegen.model import Catalog, RecordVersion

_TEMPLATE = re.compile(r"\{[{%#]")
_PLAIN = re.compile(r"[^'\"\\{}\x00-\x1f\x7f]+")
_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def undocumented(catalog: Catalog) -> Iterator[Finding]:
    """Yield records and fields without a doc."""
    for version in _versions(catalog):
        if not version.record.doc.strip():
            yield version.source.finding("doc", ("doc",), f"the record {version.name} has no doc", "say what it is")
        for path, field in walk(version.record):
            if not field.doc.strip():
                yield version.source.finding("doc", field.place, f"{'.'.join(path)} has no doc", "say what it means")


def untemplated(catalog: Catalog) -> Iterator[Finding]:
    """Yield texts that dbt would read as a template, or that end the SQL literal in which a test holds them."""
    for text, what, source, place in _texts(catalog):
        if _TEMPLATE.search(text):
            hint = "say it without the braces: dbt renders descriptions as templates"
            yield source.finding("text", place, f"{what} has a template's braces", hint)
    for version in _versions(catalog):
        for path, field in walk(version.record):
            for value in field.allowed:
                if not _PLAIN.fullmatch(value):
                    message = (
                        f"the allowed value {value!r} of {'.'.join(path)} has a quote, a brace or a control character"
                    )
                    yield version.source.finding("text", field.place, message, "choose a plain text, like in_review")


def _texts(catalog: Catalog) -> Iterator[tuple[str, str, Document, Place]]:
    for table in catalog.tables:
        yield table.description, f"the description of {table.identifier}", table.source, ("description",)
    for each in catalog.database:
        yield each.description, f"the description of {each.name}", each.source, ("description",)
        for index in each.indexes:
            yield index.description, f"the description of {index.name}", each.source, ("indexes", index.name)
    for file in catalog.files:
        yield file.description, f"the description of {file.name}", file.source, ("description",)
    for derived in catalog.derived:
        yield derived.description, f"the description of {derived.identifier}", derived.source, ("description",)
        for column in derived.columns:
            yield column.doc, f"the doc of {column.name}", derived.source, ("columns", column.name)
    for version in _versions(catalog):
        yield version.record.doc, f"the doc of {version.name}", version.source, ("doc",)
        for path, field in walk(version.record):
            yield field.doc, f"the doc of {'.'.join(path)}", version.source, field.place


def misnamed(catalog: Catalog) -> Iterator[Finding]:
    """Yield records that are not called after their folder, and names that a target could not use."""
    for version in _versions(catalog):
        source, record = version.source, version.record
        if record.name != version.name:
            message = f"the record is called {record.name!r} in the folder {version.name!r}"
            yield source.finding("name", ("name",), message, "give both one name")
        first = catalog.records[version.name][0].record
        if record.namespace != first.namespace:
            message = f"the namespace is {record.namespace!r} here and {first.namespace!r} in v1: these are two records"
            yield source.finding("name", ("namespace",), message, "keep the namespace of v1")
        for nested in nested_records(record):
            if not _SNAKE.fullmatch(nested.name):
                message = f"the record {nested.name} is not in snake case"
                yield source.finding("name", _place_of(record, nested), message, "rename it, like retry_strategy")
        for path, field in walk(record):
            name = ".".join(path)
            if not _SNAKE.fullmatch(field.name):
                yield source.finding(
                    "name", field.place, f"{name} is not in snake case", "rename it, like amount_cents"
                )
            elif field.name in RESERVED:
                message = f"{name} is a word of {RESERVED[field.name]}"
                yield source.finding("name", field.place, message, f"rename it, like {field.name}_value")


def _place_of(record: Record, nested: Record) -> Place:
    holders = (field.place for _, field in walk(record) if innermost(field.type) == nested)
    return next(holders, ())


def gaps(catalog: Catalog) -> Iterator[Finding]:
    """Yield records whose versions do not count from 1."""
    for name, versions in catalog.records.items():
        numbers = [version.version for version in versions]
        if numbers != list(range(1, len(numbers) + 1)):
            found = ", ".join(f"v{number}" for number in numbers)
            message = f"the versions of {name} are {found}"
            yield versions[-1].source.finding("versions", (), message, "number them from v1 without a gap")


def unused(catalog: Catalog) -> Iterator[Finding]:
    """Yield records that no topic, no table and no file holds."""
    used = {holder.record for holder in catalog.holders}
    for name, versions in catalog.records.items():
        if name not in used:
            message = f"no topic, no table and no file holds {name}"
            yield versions[-1].source.finding("unused", (), message, "write its topic, table or file, or delete it")


def _versions(catalog: Catalog) -> Iterator[RecordVersion]:
    for versions in catalog.records.values():
        yield from versions
