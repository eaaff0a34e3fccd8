"""Flink: tables over the topics, the statement set between them, and the row of the table function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from codegen.avro import Array, AvroType, Date, Decimal, Field, Map, Nullable, Primitive, Record, TimestampMillis
from codegen.emit.types import names
from codegen.mapping.plan import STAMPED
from codegen.text import PACKAGE, constant, notice, render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Catalog, GeneratedFile, Topic

FUNCTION = "to_unified"
SOURCE = "raw_messages"
"""The table over a provider's raw topic: each has its own, under one name, so that all jobs are of one program."""
_NORMALIZER = "normalizer"
_FAILURE = "validation_failure"
_TEXT, _INSTANT = names(Primitive.STRING).flink, names(TimestampMillis()).flink
# What a message is before anybody has read it, so that one that nobody can read stops nothing.
_MESSAGE = (
    ("message_key", _TEXT),
    ("message", names(Primitive.BYTES).flink),
)
# Kafka's own facts about a message: column, type, key of the connector's metadata.
_POSITION = (
    ("source_topic", f"{names(Primitive.STRING).flink} NOT NULL", "topic"),
    ("source_partition", f"{names(Primitive.INT).flink} NOT NULL", "partition"),
    ("source_offset", f"{names(Primitive.LONG).flink} NOT NULL", "offset"),
    ("written_at", f"{_INSTANT} NOT NULL", "timestamp"),
)
# What stands for a value of the raw event where the message could not be read: its key is the merchant.
_UNREAD = {
    "merchant_id": f"COALESCE(`raw_merchant_id`, `message_key`, CAST('' AS {_TEXT}))",
    "received_at": "COALESCE(`raw_received_at`, `written_at`)",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a Flink table: its name and SQL type."""

    name: str
    type: str


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
    """Yield the SQL of the normalizer's jobs, one a provider, and the module that their table function is made from."""
    sinks = [_sink(catalog, topic) for topic in catalog.topics if _NORMALIZER in topic.producers]
    row = result(catalog)
    source = notice("contracts/topics, contracts/avro")
    for topic in catalog.topics:
        if topic.provider:
            yield render(
                f"flink/sources/{topic.provider}.sql",
                "source.sql",
                notice=notice("contracts/topics"),
                table=SOURCE,
                topic=topic,
                message=_MESSAGE,
                position=_POSITION,
            )
    yield render("flink/tables.sql", "tables.sql", notice=source, sinks=sinks)
    yield render(
        "flink/pipeline.sql",
        "pipeline.sql",
        notice=source,
        function=FUNCTION,
        source=SOURCE,
        row=row,
        sinks=sinks,
        kept=["message_key", *(name for name, _, _ in _POSITION)],
    )
    yield render(
        f"{PACKAGE}/flink.py",
        "flink.py",
        notice=notice("contracts/avro, contracts/providers"),
        function=FUNCTION,
        row=row,
        event_fields=_event_fields(catalog),
        required=[field.name for field in _event_fields(catalog) if not field.nullable],
        times=[field.name for field in _event(catalog).fields if isinstance(field.bare, TimestampMillis)],
        kept=_kept(catalog),
    )


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
    """Return the row of the table function: verdict, unified event, reasons, a dead letter's part of the raw event.

    All but the verdict may be null.
    """
    texts = Array(Nullable(Primitive.STRING))
    event = tuple(Column(field.name, _plain(field)) for field in _event_fields(catalog))
    failure = {field.name: field for field in _failure(catalog).fields}
    return (
        Column("outcome", bare_type(Primitive.STRING)),
        *event,
        Column("processed_at", bare_type(TimestampMillis())),
        Column("reason_codes", bare_type(texts)),
        Column("reasons", bare_type(texts)),
        *(Column(f"raw_{name}", _plain(failure[name])) for name in _kept(catalog)),
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


def _failure(catalog: Catalog) -> Record:
    return next(_record(catalog, topic) for topic in catalog.topics if topic.record == _FAILURE)


def _kept(catalog: Catalog) -> tuple[str, ...]:
    """Return the fields of the raw event that a dead letter has, the event's id first, which every row has."""
    raw = {
        field.name
        for topic in catalog.topics
        if topic.provider
        for field in catalog.record(topic.record, topic.consumers[_NORMALIZER]).record.fields
    }
    return tuple(
        field.name for field in _failure(catalog).fields if field.name in raw and field.name != "schema_version"
    )


def _sink(catalog: Catalog, topic: Topic) -> Sink:
    record = _record(catalog, topic)
    failed = topic.record == _FAILURE
    kept = _kept(catalog) if failed else ()
    return Sink(
        table=table_name(topic),
        topic=topic,
        columns=columns(record),
        schema=quoted(_schema(catalog, topic)),
        condition=f"`outcome` = '{'rejected' if failed else 'normalized'}'",
        selected=tuple(_selected(field.name, topic, kept) for field in record.fields),
    )


def _selected(name: str, topic: Topic, kept: tuple[str, ...]) -> str:
    """Return the expression of a column over the view `unified`, whose raw columns have a prefix."""
    elsewhere = {"schema_version": str(topic.version), "event_id": "`raw_event_id`", "failed_at": "`processed_at`"}
    if kept:
        elsewhere |= {each: f"`raw_{each}`" for each in kept} | _UNREAD
    return elsewhere.get(name, f"`{name}`")
