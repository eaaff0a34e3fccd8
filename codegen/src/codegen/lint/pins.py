"""Rules on pins: what a consumer reads with, against what may be on its topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lint.flows import record_of
from codegen.resolution import mismatches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.database import DatabaseTable
    from codegen.findings import Finding
    from codegen.model import Catalog, Table


def retired(catalog: Catalog) -> Iterator[Finding]:
    """Yield retired versions that do not exist, or are still written."""
    for topic in catalog.topics:
        for index, number in enumerate(topic.retired):
            if number >= topic.version:
                message = f"v{number} cannot be retired while v{topic.version} is written"
                hint = "retire only versions below the topic's `version`"
            elif record_of(catalog, topic.record, number) is None:
                message = f"there is no {topic.record} v{number} to retire"
                hint = "name a version that exists"
            else:
                continue
            yield topic.source.finding("retired", ("retired", index), message, hint)


def misplaced(catalog: Catalog) -> Iterator[Finding]:
    """Yield pins to versions that do not exist or are retired."""
    for topic in catalog.topics:
        for consumer, pin in topic.consumers.items():
            place = ("consumers", consumer)
            if record_of(catalog, topic.record, pin) is None:
                if pin == topic.version:
                    continue  # The rule on topics says it, once.
                message = f"{consumer} is pinned to {topic.record} v{pin}, which does not exist"
                yield topic.source.finding("pin", place, message, "pin it to a version that exists")
            elif pin in topic.retired:
                message = f"{consumer} is pinned to {topic.record} v{pin}, which is retired on {topic.name}"
                yield topic.source.finding("pin", place, message, "pin it to a version that is not retired")


def unreadable(catalog: Catalog) -> Iterator[Finding]:
    """Yield pins with which a version that may be on the topic cannot be read, whether by type or by closed set."""
    for topic in catalog.topics:
        for consumer, pin in topic.consumers.items():
            reader = catalog.record(topic.record, pin)
            for number in topic.present:
                writer = catalog.record(topic.record, number)
                for mismatch in mismatches(reader.source.data, writer.source.data):
                    message = (
                        f"{consumer} reads with {topic.record} v{pin}, and cannot take v{number}, "
                        f"which may be on the topic: {mismatch}"
                    )
                    remedy = (
                        f"pin {consumer} to a version that takes both"
                        if number > pin
                        else f"retire v{number} once retention has removed it, or add a version that reads it"
                    )
                    yield topic.source.finding("pin-reads", ("consumers", consumer), message, remedy)


def unstored(catalog: Catalog) -> Iterator[Finding]:
    """Yield tables of an older version than their writer's pin: what the newer one adds would have no column."""
    tables: tuple[Table | DatabaseTable, ...] = (*catalog.tables, *catalog.database)
    for table in tables:
        held = next((each for each in catalog.records.get(table.record, ()) if each.version == table.version), None)
        if held is None or held.base is None:
            continue
        record, version = held.base
        for topic in catalog.topics:
            pin = topic.consumers.get(table.writer, 0)
            # A pin to a version that is not there is wrong itself.
            if topic.record == record and pin > version and record_of(catalog, record, pin) is not None:
                message = f"{table.writer} reads {record} v{pin}, and writes rows of {table.record} v{table.version}, "
                message += f"which has the fields of v{version}"
                if "version" in table.source.data:
                    place, hint = "version", f"write `follows: {topic.name}` in place of `version`"
                else:
                    place, hint = "follows", f"pin {table.writer} to v{version} until {topic.name} holds v{pin}"
                yield table.source.finding("pin-stored", (place,), message, hint)
