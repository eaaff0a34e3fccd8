"""Rules on Avro records."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codegen.avro import walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.findings import Finding
    from codegen.model import Catalog, RecordVersion

_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def undocumented(catalog: Catalog) -> Iterator[Finding]:
    """Yield records and fields without a doc."""
    for version in _versions(catalog):
        if not version.record.doc.strip():
            yield version.source.finding("doc", ("doc",), f"the record {version.name} has no doc", "say what it is")
        for path, field in walk(version.record):
            if not field.doc.strip():
                yield version.source.finding("doc", field.place, f"{'.'.join(path)} has no doc", "say what it means")


def misnamed(catalog: Catalog) -> Iterator[Finding]:
    """Yield records that are not called after their folder, and names that are not in snake case."""
    for version in _versions(catalog):
        if version.record.name != version.name:
            message = f"the record is called {version.record.name!r} in the folder {version.name!r}"
            yield version.source.finding("name", ("name",), message, "give both one name")
        for path, field in walk(version.record):
            if not _SNAKE.fullmatch(path[-1]):
                message = f"{'.'.join(path)} is not in snake case"
                yield version.source.finding("name", field.place, message, "rename it, like amount_cents")


def gaps(catalog: Catalog) -> Iterator[Finding]:
    """Yield records whose versions do not count from 1."""
    for name, versions in catalog.records.items():
        numbers = [version.version for version in versions]
        if numbers != list(range(1, len(numbers) + 1)):
            found = ", ".join(f"v{number}" for number in numbers)
            message = f"the versions of {name} are {found}"
            yield versions[-1].source.finding("versions", (), message, "number them from v1 without a gap")


def unused(catalog: Catalog) -> Iterator[Finding]:
    """Yield records that no topic and no table holds."""
    used = {topic.record for topic in catalog.topics} | {table.record for table in catalog.tables}
    for name, versions in catalog.records.items():
        if name not in used:
            message = f"no topic and no table holds {name}"
            yield versions[-1].source.finding("unused", (), message, "write its topic or table, or delete it")


def _versions(catalog: Catalog) -> Iterator[RecordVersion]:
    for versions in catalog.records.values():
        yield from versions
