"""Rules on topics and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.avro import Field, Primitive, Record, TimestampMillis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.document import Document, Place
    from codegen.findings import Finding
    from codegen.model import Catalog, Table, Topic


def record_of(catalog: Catalog, name: str, version: int) -> Record | None:
    """Return a record's version, or None where the contracts have none such."""
    try:
        return catalog.record(name, version).record
    except KeyError:
        return None


def topics(catalog: Catalog) -> Iterator[Finding]:
    """Yield topics that name what does not exist, and providers without a raw topic."""
    providers = {provider.name for provider in catalog.providers}
    for topic in catalog.topics:
        yield from _misfiled("topic", topic.source, f"topics/{topic.name}.yaml")
        if topic.provider is not None and topic.provider not in providers:
            message = f"there is no provider {topic.provider!r}"
            yield topic.source.finding("topic", ("provider",), message, "name a folder of contracts/providers")
        yield from _topic(catalog, topic)
    for provider in catalog.providers:
        raw = [topic for topic in catalog.topics if topic.provider == provider.name]
        if len(raw) != 1:
            message = f"{len(raw)} topics hold the webhooks of {provider.name}"
            yield provider.source.finding("topic", ("name",), message, "declare exactly one topic with this provider")


def _topic(catalog: Catalog, topic: Topic) -> Iterator[Finding]:
    record = record_of(catalog, topic.record, topic.version)
    if record is None:
        yield _no_record("topic", topic.source, topic.record, topic.version)
        return
    key = {field.name: field for field in record.fields}.get(topic.key)
    if key is None or key.nullable or key.bare is not Primitive.STRING:
        message = f"the key {topic.key!r} is not a required text of {topic.record} v{topic.version}"
        yield topic.source.finding("topic", ("key",), message, "key by a required string field of the record")


def tables(catalog: Catalog) -> Iterator[Finding]:
    """Yield tables that name what does not exist or does not fit."""
    for table in catalog.tables:
        yield from _misfiled("table", table.source, f"tables/{table.identifier}.yaml")
        record = record_of(catalog, table.record, table.version)
        if record is None:
            yield _no_record("table", table.source, table.record, table.version)
            continue
        yield from _columns(table, {field.name: field for field in record.fields})


def _columns(table: Table, fields: dict[str, Field]) -> Iterator[Finding]:
    used: list[tuple[Place, str]] = [(("key", index), name) for index, name in enumerate(table.key)]
    used += [(("partition", index, "field"), each.field) for index, each in enumerate(table.partition)]
    used += [(("sort", index, "field"), each.field) for index, each in enumerate(table.sort)]
    used.append((("freshness", "field"), table.freshness.field))
    for place, name in used:
        if name not in fields:
            message = f"{table.record} v{table.version} has no field {name!r}"
            yield table.source.finding("table", place, message, "name one of its fields")
    for index, name in enumerate(table.key):
        if name in fields and fields[name].nullable:
            message = f"the key {name!r} may be null"
            yield table.source.finding("table", ("key", index), message, "choose a required field")
    timed = [(("freshness", "field"), table.freshness.field, "freshness")]
    for part, transformed in (("partition", table.partition), ("sort", table.sort)):
        timed += [
            ((part, index, "transform"), each.field, each.transform)  # type: ignore[misc]
            for index, each in enumerate(transformed)
            if each.transform != "identity"
        ]
    for timed_place, name, use in timed:
        if name in fields and not isinstance(fields[name].bare, TimestampMillis):
            message = f"{use} needs an instant, and {name!r} is none"
            yield table.source.finding("table", timed_place, message, "choose a timestamp field")


def _misfiled(rule: str, source: Document, path: str) -> Iterator[Finding]:
    if source.path != path:
        yield source.finding(
            rule, ("name",), f"a contract of this name belongs in {path}", "rename the file or the contract"
        )


def _no_record(rule: str, source: Document, record: str, version: int) -> Finding:
    message = f"there is no {record} v{version}"
    return source.finding(rule, ("record",), message, f"write avro/{record}/v{version}.avsc or name another")
