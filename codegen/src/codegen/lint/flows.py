"""Rules on topics and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.avro import Array, Date, Field, Map, Nullable, Primitive, Record, TimestampMillis
from codegen.suggestion import meant

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
        yield from misfiled("topic", topic.source, f"topics/{topic.name}.yaml")
        if topic.provider is not None and topic.provider not in providers:
            message = f"there is no provider {topic.provider!r}{meant(topic.provider, providers)}"
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
        yield no_record("topic", topic.source, topic.record, topic.version)
        return
    key = {field.name: field for field in record.fields}.get(topic.key)
    if key is None or key.nullable or key.bare is not Primitive.STRING:
        message = f"the key {topic.key!r} is not a required text of {topic.record} v{topic.version}"
        yield topic.source.finding("topic", ("key",), message, "key by a required string field of the record")


def tables(catalog: Catalog) -> Iterator[Finding]:
    """Yield tables that name what does not exist or does not fit."""
    for table in catalog.tables:
        yield from misfiled("table", table.source, f"tables/{table.identifier}.yaml")
        if table.namespace != table.source.data["layer"]:
            message = f"the namespace {table.namespace!r} is not the layer {table.source.data['layer']!r}"
            yield table.source.finding("table", ("name",), message, "name the table after its layer")
        record = record_of(catalog, table.record, table.version)
        if record is None:
            yield no_record("table", table.source, table.record, table.version)
            continue
        yield from _columns(table, {field.name: field for field in record.fields})


def files(catalog: Catalog) -> Iterator[Finding]:
    """Yield files that hold what does not exist."""
    for file in catalog.files:
        yield from misfiled("file", file.source, f"files/{file.name}.yaml")
        if record_of(catalog, file.record, file.version) is None:
            yield no_record("file", file.source, file.record, file.version)


def _columns(table: Table, fields: dict[str, Field]) -> Iterator[Finding]:
    used: list[tuple[Place, str]] = [(("key", index), name) for index, name in enumerate(table.key)]
    used += [(("partition", index, "field"), each.field) for index, each in enumerate(table.partition)]
    used += [(("sort", index, "field"), each.field) for index, each in enumerate(table.sort)]
    if table.freshness is not None:
        used.append((("freshness", "field"), table.freshness.field))
    for place, name in used:
        if name not in fields:
            message = f"{table.record} v{table.version} has no field {name!r}{meant(name, fields)}"
            yield table.source.finding("table", place, message, "name one of its fields")
    for index, name in enumerate(table.key):
        message = _unfit_as_key(fields[name]) if name in fields else ""
        if message:
            yield table.source.finding("table", ("key", index), message, "choose a required field of exact values")
    freshness = None if table.freshness is None else table.freshness.field
    if freshness in fields and not isinstance(fields[freshness].bare, TimestampMillis):
        message = f"freshness needs a timestamp, and {freshness!r} is not one"
        yield table.source.finding("table", ("freshness", "field"), message, "choose a timestamp field")
    for part, transformed in (("partition", table.partition), ("sort", table.sort)):
        for index, each in enumerate(transformed):
            message = _untransformable(fields[each.field], each.transform) if each.field in fields else ""
            if message:
                hint = "choose a field that fits, such as a timestamp"
                yield table.source.finding("table", (part, index, "transform"), message, hint)


def _unfit_as_key(field: Field) -> str:
    """Return why Iceberg takes no field for an identifier, or nothing."""
    match field.type:
        case Nullable():
            return f"the key {field.name!r} may be null"
        case Array() | Map() | Record():
            return f"the key {field.name!r} is not a single value"
        case Primitive.DOUBLE:
            return f"the key {field.name!r} is a double, which identifies no row"
    return ""


def _untransformable(field: Field, transform: str) -> str:
    """Return why Iceberg cannot partition or sort by a field, or nothing."""
    match field.bare:
        case TimestampMillis():
            return ""
        case Date() if transform != "hour":
            return ""
        case Array() | Map() | Record():
            return f"{field.name!r} is not a single value that rows can be partitioned or sorted by"
    return "" if transform == "identity" else f"{transform} needs a timestamp, and {field.name!r} is not one"


def misfiled(rule: str, source: Document, path: str) -> Iterator[Finding]:
    """Yield a contract that does not stand where its name says."""
    if source.path != path:
        yield source.finding(
            rule, ("name",), f"a contract of this name belongs in {path}", "rename the file or the contract"
        )


def no_record(rule: str, source: Document, record: str, version: int) -> Finding:
    """Return that a contract holds a version of a record that does not exist."""
    message = f"there is no {record} v{version}"
    return source.finding(rule, ("record",), message, f"write avro/{record}/v{version}.avsc or name another")
