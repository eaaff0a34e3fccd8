"""What the pages of the catalogue are made from: words for mappings, differences of versions, ways through the flow."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from catalogue.apis import operations, schemas, type_of
from catalogue.changes import changes
from catalogue.expressions import mapped, unified_types, words
from catalogue.flow import flow, observers
from catalogue.graph import Drawing, ranks
from catalogue.lineage import diagram, trails, unified_tables
from catalogue.pages import pages
from catalogue.targets import types_of
from codegen.avro import Array, AvroType, Field, Map, Nullable, Primitive, Record, TimestampMillis
from codegen.derived import LAYERS, read_column
from codegen.emit.columns import schema
from codegen.language.model import Const, Group
from codegen.language.read import read_expression

if TYPE_CHECKING:
    from codegen.model import Catalog, RecordVersion


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"path": "a.b[0]"}, "`a.b[0]`"),
        ({"const": "stripe"}, "always “stripe”"),
        ({"envelope": "merchant_id"}, "the `merchant_id` that the gateway found"),
        ({"lookup": {"value": {"path": "a"}, "table": {"x": "y", "z": "y"}}}, "`a`, looked up in a table of 2"),
        ({"time": {"value": {"path": "a"}, "format": "epoch_seconds"}}, "`a`, an instant in seconds since 1970"),
        ({"time": {"value": {"path": "a"}, "format": "iso8601"}}, "`a`, an instant in ISO 8601"),
        ({"coalesce": [{"path": "a"}, {"path": "b"}]}, "the first present of `a`, `b`"),
        ({"concat": [{"path": "a"}, {"const": "/"}]}, "`a` followed by always “/”"),
        ({"upper": {"path": "a"}}, "`a`, in upper case"),
        ({"lower": {"path": "a"}}, "`a`, in lower case"),
        ({"null_if": {"value": {"path": "a"}, "values": ["N", "n"]}}, "`a`, null where it is “N” or “n”"),
        ({"const": None}, "always null"),
        (
            {"lookup": {"value": {"path": "a"}, "table": {"x": "y"}, "otherwise": {"path": "b"}}},
            "`a`, looked up in a table of 1; for any other text `b`",
        ),
        (
            {"money": {"value": {"path": "a"}, "currency": "c", "exponents": {"ISK": 2}}},
            "`a` in the minor unit of `c`, from the provider's own unit for ISK",
        ),
        (
            {"when": {"value": "a", "in": [True, "x"], "then": {"path": "b"}, "else": {"const": "n"}}},
            "`b` where `a` is “true” or “x”, else always “n”",
        ),
        ({"exponent": {"path": "a"}}, "the ISO 4217 exponent of `a`"),
        ({"rest": {"path": "a"}}, "all else that is declared below `a` and not personal data"),
        (
            {"rest": {"path": "a", "keep": ["a.b"]}},
            "all else that is declared below `a` and not personal data, with `a.b`",
        ),
    ],
)
def test_a_mapping_reads_as_words(written: dict[str, Any], said: str) -> None:
    assert words(read_expression(written)) == said


def test_a_mapped_field_shows_its_lookups_rules_and_line(acme: Catalog) -> None:
    by_name = {each.name: each for each in mapped(acme, acme.providers[0], 0)}
    assert by_name["method"].lookups == ({"C": "card", "B": "bank"},)
    assert by_name["amount_cents"].rules[0] == ("must be at least 1", "amount_not_positive")
    assert by_name["amount_cents"].line == 14
    assert "fee.taxed" in by_name["metadata"].kept


def test_an_event_type_becomes_what_its_lookup_says(acme: Catalog) -> None:
    provider = acme.providers[0]
    group = provider.mapping.groups[0]
    assert unified_types(provider, group, "paid") == ("payment.succeeded",)
    by_status = read_expression({"lookup": {"value": {"path": "s"}, "table": {"x": "b", "y": "a"}}})
    assert unified_types(provider, replace(group, fields={"event_type": by_status}), "paid") == ("a", "b")
    assert unified_types(provider, replace(group, fields={"event_type": Const("c")}), "paid") == ("c",)
    assert unified_types(provider, Group("g", "P", ("paid",), {}), "paid") == ()


ADVICE = Record("advice", "", (Field("retry", Primitive.BOOLEAN, ""), Field("after", Nullable(Primitive.INT), "")))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Primitive.STRING, ["string", "str", "STRING", "string", "varchar"]),
        (Primitive.BYTES, ["bytes", "bytes", "BYTES", "binary", "varbinary"]),
        (
            Nullable(TimestampMillis()),
            ["timestamp-millis", "Timestamp", "TIMESTAMP(3)", "timestamptz", "timestamp(6) with time zone"],
        ),
        (Array(Primitive.INT), ["array of int", "list[Int]", "ARRAY<INT NOT NULL>", "list<int>", "array(integer)"]),
        (
            Map(Nullable(Primitive.LONG)),
            [
                "map of long or null",
                "dict[str, Long | None]",
                "MAP<STRING NOT NULL, BIGINT>",
                "map<string, long>",
                "map(varchar, bigint)",
            ],
        ),
        (
            Nullable(ADVICE),
            [
                "record advice",
                "Advice",
                "ROW<`retry` BOOLEAN NOT NULL, `after` INT>",
                "struct<retry: boolean, after: int>",
                "row(retry boolean, after integer)",
            ],
        ),
    ],
)
def test_a_field_has_its_type_in_every_target(kind: AvroType, expected: list[str]) -> None:
    assert [each for _, each in types_of(Field("f", kind, ""))] == expected


def test_the_iceberg_types_on_the_pages_are_those_of_the_tables(project: Catalog) -> None:
    for table in project.tables:
        record = project.record(table.record, table.version).record
        history = [each.record for each in project.records[table.record] if each.version <= table.version]
        made = {each["name"]: each["type"] for each in schema(table, history)["fields"]}
        for field in record.fields:
            if isinstance(field.bare, Primitive | TimestampMillis):
                assert dict(types_of(field))["Iceberg"] == made[field.name]


def version(base: RecordVersion, number: int, *fields: Field) -> RecordVersion:
    return replace(base, version=number, record=Record("r", "", fields))


def test_differences_between_versions_are_said_in_words(acme: Catalog) -> None:
    base = acme.records["payment_event"][0]
    old = version(
        base,
        1,
        Field("gone", Primitive.STRING, ""),
        Field("state", Primitive.STRING, "Then.", allowed=("a", "b")),
        Field("count", Primitive.INT, ""),
    )
    new = version(
        base,
        2,
        Field("state", Primitive.STRING, "Now.", allowed=("b", "c")),
        Field("count", Primitive.LONG, "", personal=True),
        Field("fresh", Nullable(Primitive.STRING), "What came."),
    )
    assert [(each.kind, each.field, each.words) for each in changes(old, new)] == [
        ("removed", "gone", "`string`"),
        ("changed", "state", "may also be `c`"),
        ("changed", "state", "may no longer be `a`"),
        ("changed", "state", "is now described as: Now."),
        ("changed", "count", "is `long` instead of `int`"),
        ("changed", "count", "is personal data"),
        ("added", "fresh", "`string or null`. What came."),
    ]
    assert changes(new, new) == ()


def overlapping(drawing: Drawing) -> list[tuple[str, str]]:
    return [
        (one.node.id, other.node.id)
        for index, one in enumerate(drawing.boxes)
        for other in drawing.boxes[index + 1 :]
        if one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    ]


def outside(drawing: Drawing) -> list[str]:
    return [
        box.node.id
        for box in drawing.boxes
        if min(box.x, box.y) < 0 or box.x + box.width > drawing.width or box.y + box.height > drawing.height
    ]


@pytest.mark.parametrize("contracts", ["project", "acme"])
def test_boxes_lie_apart_and_inside_the_drawing(contracts: str, request: pytest.FixtureRequest) -> None:
    catalog: Catalog = request.getfixturevalue(contracts)
    for drawing in (flow(catalog), *(diagram(catalog, provider) for provider in catalog.providers)):
        assert overlapping(drawing) == []
        assert outside(drawing) == []


def test_the_flow_fits_a_page_and_leads_from_provider_to_gold(project: Catalog) -> None:
    drawing = flow(project)
    assert drawing.width < 1050
    after: dict[str, set[str]] = {}
    for line in drawing.lines:
        after.setdefault(line.source, set()).add(line.target)
    for provider in project.providers:
        reached, todo = set(), [f"provider {provider.name}"]
        while todo:
            here = todo.pop()
            reached.add(here)
            todo += sorted(after.get(here, set()) - reached)
        assert {f"table {each.identifier}" for each in project.derived} <= reached
    # Dead letters end in the lake.
    dead = {f"topic {topic.name}" for topic in project.topics if topic.name.endswith(".dlq")}
    assert {target for topic in dead for target in after[topic]} == {"service archiver"}
    assert after["service archiver"] == {"table bronze.provider_events", "table bronze.quarantine"}


def test_a_reader_that_writes_nothing_is_named_and_not_drawn(project: Catalog) -> None:
    assert observers(project) == {"operations": tuple(topic.name for topic in project.topics)}
    assert not any("operations" in box.node.id for box in flow(project).boxes)


def test_a_cycle_does_not_stop_the_drawing() -> None:
    found = ranks(["a", "b", "c"], [("a", "b"), ("b", "c"), ("c", "b")])
    assert found["a"] == 0
    assert sorted(found) == ["a", "b", "c"]


def test_a_trail_leads_through_every_layer(project: Catalog) -> None:
    by_name = {trail.name: trail for trail in trails(project)}
    amount = by_name["amount_cents"]
    assert "data.object.amount" in amount.origins["stripe"]
    assert amount.columns["bronze"] == ("bronze.payment_events.amount_cents",)
    assert "gold.daily_payment_metrics.amount_major" in amount.columns["gold"]
    assert by_name["processed_at"].origins["stripe"] == ("set by the normalizer",)
    assert by_name["fraud_score"].added_by == "orchestrator"
    assert by_name["fraud_score"].origins["stripe"] == ()


def test_every_column_of_every_layer_is_on_a_trail_or_made_from_no_event(project: Catalog) -> None:
    traced = {column for trail in trails(project) for columns in trail.columns.values() for column in columns}
    of_events = {table.identifier for table in unified_tables(project)}
    sources = {f"{table.identifier}.{each.name}": each.sources for table in project.derived for each in table.columns}

    def is_of_events(name: str) -> bool:
        # What counts rows has no source, and what was quarantined or agreed is of other records.
        return any(each.table in of_events or is_of_events(str(each)) for each in sources.get(name, ()))

    for name in sources:
        assert (name in traced) == is_of_events(name), name


def test_a_layer_comes_after_the_one_before(project: Catalog) -> None:
    for provider in project.providers:
        boxes = {box.node.id: box for box in diagram(project, provider).boxes}
        left = [min(box.x for box in boxes.values() if box.node.kind == kind) for kind in ("path", "field", *LAYERS)]
        assert all(one < other for one, other in pairwise(left))


def test_a_column_is_read_as_it_is_written() -> None:
    column = read_column("bronze.payments.advice.retry")
    assert (column.table, column.path, str(column)) == (
        "bronze.payments",
        ("advice", "retry"),
        "bronze.payments.advice.retry",
    )


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"type": "string", "format": "uuid"}, "string (uuid)"),
        ({"type": ["integer", "null"], "minimum": 1, "maximum": 9}, "integer or null (at least 1, at most 9)"),
        ({"type": "string", "enum": ["a", "b"]}, "string: a, b"),
        ({"const": "accepted"}, "always accepted"),
        ({"type": "array", "items": {"type": "string"}}, "array of string"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "object of string"),
        ({"anyOf": [{"type": "string"}, {"$ref": "#/components/schemas/X"}]}, "string or X"),
        ({}, "any value"),
    ],
)
def test_a_schema_reads_as_words(written: dict[str, Any], said: str) -> None:
    assert type_of(written) == said


def test_an_api_shows_every_operation_and_schema(project: Catalog) -> None:
    for api in project.apis:
        shown = {(each.method.lower(), each.path) for each in operations(api)}
        assert shown == {(method, path) for path, item in api.source.data["paths"].items() for method in item}
        assert [each.name for each in schemas(api.source.data)] == list(api.source.data["components"]["schemas"])


def test_a_body_that_has_no_name_shows_its_members_by_their_paths(acme: Catalog) -> None:
    (webhook, _) = (operation for api in acme.apis for operation in operations(api))
    (body,) = webhook.request
    assert [(each.name, each.type, each.required) for each in body.members] == [
        ("uuid", "string (at least 1 characters, at most 255 characters)", True),
        ("kind", "string (at least 1 characters, at most 255 characters)", True),
        ("at", "string (at least 1 characters)", True),
        ("payment", "object", True),
    ]


def test_an_extension_names_what_it_extends_and_a_table_its_view(project: Catalog) -> None:
    found = {each.path.rsplit("/", 1)[-1]: each.content.decode() for each in pages(project)}
    assert (
        '<dt>Extends</dt><dd><a class="name" href="record-payment_event.html">' in found["record-scored_payment.html"]
    )
    assert "<dt>Extends</dt>" not in found["record-payment_event.html"]
    assert "<code>amount_cents</code> as <code>amount_minor</code>" in found["tables.html"]
