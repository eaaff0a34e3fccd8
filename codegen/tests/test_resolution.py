"""Whether one schema can read what another wrote, with fastavro as the oracle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from codegen.resolution import mismatches
from hypothesis import given, settings

from .avro_samples import PRIMITIVES, records, samples, transferred

if TYPE_CHECKING:
    from codegen.model import Catalog


def record(*fields: dict[str, Any], name: str = "r") -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields)}


def field(kind: Any, **more: Any) -> dict[str, Any]:
    return {"name": "f", "type": kind, **more}


def said(reader: Any, writer: Any) -> list[str]:
    return [str(mismatch) for mismatch in mismatches(reader, writer)]


def agrees_with_fastavro(reader: Any, writer: Any) -> None:
    """Hold that a pair without a mismatch carries all values over, and that one with a mismatch loses some."""
    failures = []
    for value in samples(writer):
        try:
            transferred(writer, reader, value)
        except Exception as error:  # noqa: BLE001 - fastavro raises many kinds for a schema that does not resolve
            failures.append(error)
    assert bool(failures) == bool(mismatches(reader, writer)), (said(reader, writer), failures)


@settings(max_examples=400, deadline=None)
@given(reader=records(), writer=records())
def test_two_records_resolve_where_fastavro_says_so(reader: dict[str, Any], writer: dict[str, Any]) -> None:
    agrees_with_fastavro(reader, writer)


@pytest.mark.parametrize("writer", PRIMITIVES)
@pytest.mark.parametrize("reader", PRIMITIVES)
def test_promotions_are_those_of_fastavro(reader: str, writer: str) -> None:
    agrees_with_fastavro(record(field(reader)), record(field(writer)))


@settings(max_examples=200, deadline=None)
@given(schema=records())
def test_a_record_reads_itself(schema: dict[str, Any]) -> None:
    assert mismatches(schema, schema) == ()
    for value in samples(schema):
        assert transferred(schema, schema, value) == value


def test_the_versions_of_the_project_read_each_other_in_fastavro_too(project: Catalog) -> None:
    for versions in project.records.values():
        for writer in versions:
            for reader in versions:
                if not [each for each in mismatches(reader.source.data, writer.source.data) if not each.closed]:
                    for value in samples(writer.source.data):
                        transferred(writer.source.data, reader.source.data, value)


@pytest.mark.parametrize(
    ("reader", "writer", "message"),
    [
        (field("string"), field("int"), "f: int cannot be read as string"),
        (field("string"), field(["null", "string"]), "f: the writer may write null where the reader expects string"),
        (
            field({"type": "array", "items": "int"}),
            field({"type": "array", "items": "long"}),
            "f[]: long cannot be read as int",
        ),
        (
            field({"type": "map", "values": "int"}),
            field({"type": "map", "values": "long"}),
            "f{}: long cannot be read as int",
        ),
        (
            field("long"),
            field({"type": "long", "logicalType": "timestamp-millis"}),
            "f: timestamp-millis would be read as long, which means something else",
        ),
        (
            field({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}),
            field({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 3}),
            "f: decimal(9, 3) would be read as decimal(9, 2), which means something else",
        ),
        (
            field("string", allowed_values=["a"]),
            field("string", allowed_values=["a", "b", "c"]),
            "f: the reader's closed set lacks 'b', 'c'",
        ),
        (
            field("string", allowed_values=["a"]),
            field("string"),
            "f: the reader's set of values is closed, and the writer may write any text",
        ),
        (
            field("string"),
            {"name": "g", "type": "string"},
            "f: the reader asks for it, and the writer has no such field; it has no default",
        ),
        (
            field(record(field("int"), name="inner")),
            field(record(field("long"), name="inner")),
            "f.f: long cannot be read as int",
        ),
        (
            field(record(field("int"), name="inner")),
            field(record(field("int"), name="other")),
            "f: the record 'other' is not the reader's 'inner'",
        ),
        (
            field({"type": "fixed", "name": "x", "size": 4}),
            field({"type": "fixed", "name": "x", "size": 8}),
            "f: 8 bytes cannot be read as 4",
        ),
        (
            field({"type": "enum", "name": "x", "symbols": ["A"]}),
            field({"type": "enum", "name": "x", "symbols": ["A", "B"]}),
            "f: the reader does not know B",
        ),
        (field(["null", "int", "string"]), field("boolean"), "f: no branch of the reader's union takes boolean"),
    ],
)
def test_a_mismatch_says_what_is_wrong(reader: dict[str, Any], writer: dict[str, Any], message: str) -> None:
    assert said(record(reader), record(writer)) == [message]


@pytest.mark.parametrize(
    ("reader", "writer"),
    [
        (field("string", default="x"), {"name": "g", "type": "string"}),
        (field(["null", "long"]), field("int")),
        (field("string", aliases=["g"]), {"name": "g", "type": "string"}),
        (field("string"), field("string", allowed_values=["a"])),
        (field("string", allowed_values=["a", "b"]), field("string", allowed_values=["b"])),
        (field(record(name="inner") | {"aliases": ["x.other"]}), field(record(name="other"))),
        (
            field({"type": "enum", "name": "x", "symbols": ["A"], "default": "A"}),
            field({"type": "enum", "name": "x", "symbols": ["A", "B"]}),
        ),
        (field({"type": {"type": "string"}}), field("string")),
    ],
)
def test_what_avro_resolves_is_not_a_mismatch(reader: dict[str, Any], writer: dict[str, Any]) -> None:
    assert said(record(reader), record(writer)) == []


def test_a_record_inside_itself_ends() -> None:
    tree = record(field(["null", "r"], default=None), {"name": "n", "type": "int"})
    wide = record(field(["null", "r"], default=None), {"name": "n", "type": "long"})
    assert said(wide, tree) == []
    assert said(tree, wide) == ["n: long cannot be read as int"]


def test_places_lead_to_both_schemas() -> None:
    reader = record({"name": "x", "type": "int"}, field(["null", "int"]))
    writer = record(field(["null", "string"]), {"name": "x", "type": "int"})
    (mismatch,) = mismatches(reader, writer)
    assert mismatch.reader == ("fields", 1, "type", 1)
    assert mismatch.writer == ("fields", 0, "type", 1)
