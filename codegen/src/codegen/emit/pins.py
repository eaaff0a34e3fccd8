"""What each service reads and writes, under names without versions: `pins/<service>.py`.

A version that a service is pinned to anew is an edit of the contracts then, and of its code only where that does
something with what is new.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from codegen.emit.pydantic import class_name, classes
from codegen.text import PACKAGE, camel, constant, notice, render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Catalog, GeneratedFile


@dataclass
class _Uses:
    """Of one service and one record: the versions that it has it in, why, and those that may come to it."""

    versions: set[int] = field(default_factory=set)
    reasons: list[str] = field(default_factory=list)
    present: set[int] = field(default_factory=set)


def emit(catalog: Catalog) -> Iterator[GeneratedFile]:
    """Yield a module for each service that reads a topic, or writes a topic or table."""
    yield render(f"{PACKAGE}/pins/__init__.py", "pins_init.py", notice=notice("contracts"))
    for service, records in sorted(_uses(catalog).items()):
        aliases = []
        for record, uses in sorted(records.items()):
            # In two versions it has no one name: code that wants it says which.
            if len(uses.versions) == 1:
                version = catalog.record(record, *uses.versions)
                aliases.append((camel(record), class_name(version), " and ".join(dict.fromkeys(uses.reasons))))
                # What all versions have alike inside them has a name without one already.
                aliases += [
                    (camel(name), model, f"inside {camel(record)}")
                    for name, model in sorted(classes(catalog, version).items())
                    if model != camel(name)
                ]
        versions = [
            (
                record,
                f"{constant(record)}_VERSIONS",
                [class_name(catalog.record(record, each)) for each in numbers],
                numbers,
            )
            for record, uses in sorted(records.items())
            if (numbers := sorted(uses.present))
        ]
        models = {model for _, model, _ in aliases} | {model for _, _, found, _ in versions for model in found}
        yield render(
            f"{PACKAGE}/pins/{service.replace('-', '_')}.py",
            "pins.py",
            notice=notice("contracts/topics, contracts/tables, contracts/database, contracts/files"),
            service=service,
            models=sorted(models),
            aliases=aliases,
            versions=versions,
        )


def _uses(catalog: Catalog) -> dict[str, dict[str, _Uses]]:
    found: dict[str, dict[str, _Uses]] = {}

    def use(service: str, record: str, version: int, reason: str) -> _Uses:
        uses = found.setdefault(service, {}).setdefault(record, _Uses())
        uses.versions.add(version)
        uses.reasons.append(reason)
        return uses

    for topic in catalog.topics:
        for service in topic.producers:
            use(service, topic.record, topic.version, f"written to {topic.name}")
        for service, pin in topic.consumers.items():
            use(service, topic.record, pin, f"read from {topic.name}").present.update(topic.present)
    for table in catalog.tables:
        use(table.writer, table.record, table.version, f"written to {table.identifier}")
    for each in catalog.database:
        use(each.writer, each.record, each.version, f"written to the database's {each.name}")
    for file in catalog.files:
        use(file.writer, file.record, file.version, f"written to the file {file.name}")
        for service in file.readers:
            use(service, file.record, file.version, f"read from the file {file.name}")
    return found
