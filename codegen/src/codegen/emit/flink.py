"""Flink: tables over the topics, the statement set between them, and the row of the table function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from codegen.avro import Array, AvroType, Date, Decimal, Field, Map, Nullable, Primitive, Record, TimestampMillis
from codegen.emit.types import names
from codegen.mapping.plan import FOUND, STAMPED, Kind, found_elsewhere, plan
from codegen.text import PACKAGE, constant, notice, render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Catalog, GeneratedFile, Topic

FUNCTION = "to_unified"
ARGUMENTS = ("provider", "payload", "merchant_id")
# What the gateway found, by its name in a mapping: the raw record's column.
_FOUND = {
    "event_id": "provider_event_id",
    "event_type": "provider_event_type",
    "received_at": "received_at",
    "created_at": "provider_created_at",
    "livemode": "livemode",
}
_KINDS: dict[Kind, AvroType] = {
    Kind.TEXT: Primitive.STRING,
    Kind.TIME: TimestampMillis(),
    Kind.TRUTH: Primitive.BOOLEAN,
}
_NORMALIZER = "normalizer"
_FAILURE = "validation_failure"
# Kafka's own facts about a message: column, type, key of the connector's metadata.
_POSITION = (
    ("source_topic", f"{names(Primitive.STRING).flink} NOT NULL", "topic"),
    ("source_partition", f"{names(Primitive.INT).flink} NOT NULL", "partition"),
    ("source_offset", f"{names(Primitive.LONG).flink} NOT NULL", "offset"),
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a Flink table: its name and SQL type."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Source:
    """The raw topics of one record, read by one Kafka source with the schema that the normalizer is pinned to.

    One for all providers: a new provider then leaves the job's graph, and with it the state in savepoints, as it was.
    """

    table: str
    topics: tuple[Topic, ...]
    columns: tuple[Column, ...]
    schema: str


@dataclass(frozen=True, slots=True)
class Sink:
    """A topic that the normalizer writes, and from what: a condition on the verdict and an expression a column."""

    table: str
    topic: Topic
    columns: tuple[Column, ...]
    schema: str
    condition: str
    selected: tuple[str, ...]


def emit(catalog: Catalog) -> Iterator[GeneratedFile]:
    """Yield the SQL of the normalizer's job, and the module that its table function is made from."""
    sources = _sources(catalog)
    sinks = [_sink(catalog, topic) for topic in catalog.topics if _NORMALIZER in topic.producers]
    row = result(catalog)
    source = notice("contracts/topics, contracts/avro")
    called = _arguments(catalog)
    used = {name for sink in sinks for name in sink.selected} | {f"`raw_{name}`" for name in (*ARGUMENTS, *called)}
    of_source = [column.name for column in sources[0].columns] + [name for name, _, _ in _POSITION]
    raw = [name for name in of_source if f"`raw_{name}`" in used]
    yield render(
        "flink/tables.sql",
        "tables.sql",
        notice=source,
        sources=sources,
        sinks=sinks,
        position=_POSITION,
        raw_columns=raw,
    )
    yield render(
        "flink/pipeline.sql",
        "pipeline.sql",
        notice=source,
        function=FUNCTION,
        row=row,
        sinks=sinks,
        arguments=[f"r.`{name}`" for name in ARGUMENTS] + list(called.values()),
        raw=raw,
    )
    yield render(
        f"{PACKAGE}/flink.py",
        "flink.py",
        notice=notice("contracts/avro, contracts/providers"),
        function=FUNCTION,
        row=row,
        event_fields=_event_fields(catalog),
        times=[field.name for field in _event(catalog).fields if isinstance(field.bare, TimestampMillis)],
    )


def _arguments(catalog: Catalog) -> dict[str, str]:
    """Return, by the raw record's column, what the function is called with beside the arguments of all providers.

    What the mapping of a provider does not read is null: it then costs nothing to hand over.
    """
    needs = {provider.name: found_elsewhere(plan(catalog, provider)) for provider in catalog.providers}
    readers = {column: [name for name, read in needs.items() if found in read] for found, column in _FOUND.items()}
    if not any(readers.values()):
        return {}
    types = {found: _KINDS[kind] for found, kind in FOUND.items()}
    return {column: _for(column, readers[column], bare_type(types[found])) for found, column in _FOUND.items()}


def _for(column: str, providers: list[str], kind: str) -> str:
    if not providers:
        return f"CAST(NULL AS {kind})"
    listed = ", ".join(f"'{name}'" for name in providers)
    return f"CASE WHEN r.`provider` IN ({listed}) THEN r.`{column}` END"


def table_name(topic: Topic) -> str:
    """Return the name of a topic's Flink table."""
    return constant(topic.name.removeprefix("payments.")).lower()


def columns(record: Record) -> tuple[Column, ...]:
    """Return a record's columns."""
    return tuple(Column(field.name, sql_type(field.type)) for field in record.fields)


def sql_type(kind: AvroType) -> str:
    """Return the SQL type that Flink's Avro format reads a type as."""
    if isinstance(kind, Nullable):
        return bare_type(kind.of)
    return f"{bare_type(kind)} NOT NULL"


def bare_type(kind: AvroType) -> str:
    """Return the SQL type without its nullability."""
    match kind:
        case Primitive() | TimestampMillis() | Date() | Decimal():
            return names(kind).flink
        case Array(items):
            return f"ARRAY<{sql_type(items)}>"
        case Map(values):
            return f"MAP<{sql_type(Primitive.STRING)}, {sql_type(values)}>"
        case Record(fields=fields):
            return "ROW<" + ", ".join(f"`{field.name}` {sql_type(field.type)}" for field in fields) + ">"
        case Nullable(of):
            return bare_type(of)
    assert_never(kind)


def quoted(text: str) -> str:
    """Return a text as it stands between the quotes of an SQL literal in a template of `string.Template`."""
    return text.replace("'", "''").replace("$", "$$")


def result(catalog: Catalog) -> tuple[Column, ...]:
    """Return the row of the table function: verdict, unified event, reasons; all but the verdict may be null."""
    texts = Array(Nullable(Primitive.STRING))
    event = tuple(Column(field.name, _plain(field)) for field in _event_fields(catalog))
    return (
        Column("outcome", bare_type(Primitive.STRING)),
        *event,
        Column("processed_at", bare_type(TimestampMillis())),
        Column("reason_codes", bare_type(texts)),
        Column("reasons", bare_type(texts)),
    )


def _plain(field: Field) -> str:
    return bare_type(field.bare).replace(" NOT NULL", "")


def _event(catalog: Catalog) -> Record:
    mapped = catalog.providers[0].mapping
    return catalog.record(mapped.record, mapped.version).record


def _event_fields(catalog: Catalog) -> tuple[Field, ...]:
    return tuple(field for field in _event(catalog).fields if field.name not in STAMPED)


def _record(catalog: Catalog, topic: Topic) -> Record:
    return catalog.record(topic.record, topic.version).record


def _schema(catalog: Catalog, topic: Topic) -> str:
    return catalog.record(topic.record, topic.version).schema


def _sources(catalog: Catalog) -> tuple[Source, ...]:
    pinned: dict[tuple[str, int], list[Topic]] = {}
    for topic in catalog.topics:
        if topic.provider:
            pinned.setdefault((topic.record, topic.consumers[_NORMALIZER]), []).append(topic)
    return tuple(
        Source(
            table=f"raw_{record}_v{version}",
            topics=tuple(topics),
            columns=columns(catalog.record(record, version).record),
            schema=quoted(catalog.record(record, version).schema),
        )
        for (record, version), topics in sorted(pinned.items())
    )


def _sink(catalog: Catalog, topic: Topic) -> Sink:
    record = _record(catalog, topic)
    failed = topic.record == _FAILURE
    return Sink(
        table=table_name(topic),
        topic=topic,
        columns=columns(record),
        schema=quoted(_schema(catalog, topic)),
        condition=f"`outcome` = '{'rejected' if failed else 'normalized'}'",
        selected=tuple(_selected(field.name, topic, failed=failed) for field in record.fields),
    )


def _selected(name: str, topic: Topic, *, failed: bool) -> str:
    """Return the expression of a column over the view `unified`, whose raw columns have a prefix."""
    match name:
        case "schema_version":
            return str(topic.version)
        case "event_id":
            return "`raw_event_id`"
        case "failed_at":
            return "`processed_at`"
        case "processed_at":
            # Never the time of the evaluation: a raw event that is evaluated again gives the same event.
            return "`raw_received_at`"
        case "reason_codes" | "reasons":
            return f"`{name}`"
        case _:
            return f"`raw_{name}`" if failed else f"`{name}`"
