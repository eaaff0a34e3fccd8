"""What an .avsc file may say, and what is said of one that no target could follow."""

from __future__ import annotations

import pytest
from codegen.avro import (
    Array,
    Date,
    Decimal,
    Default,
    Map,
    Nullable,
    Primitive,
    Record,
    TimestampMillis,
    nested_records,
    walk,
)
from codegen.avsc import Reader
from codegen.document import parse

CLOSED = '{"type": "record", "name": "in", "fields": [{"name": "a", "type": "string", "allowed_values": ["b"]}]}'


def reader_of(fields: str, head: str = "") -> Reader:
    """Return a reader of a record whose fields begin in line 3."""
    return Reader(parse("avro/r/v1.avsc", f'{{"type": "record", "name": "r", {head}\n"fields": [\n{fields}]}}'))


def read(fields: str) -> Record:
    reader = reader_of(fields)
    record = reader.record()
    assert record is not None, reader.findings
    return record


@pytest.mark.parametrize(
    ("kind", "message", "hint"),
    [
        ('"float"', "'float' is not supported", "use double"),
        ('["string", "null"]', "a union must be exactly", "every target"),
        ('["null", "string", "int"]', "a union must be exactly", "every target"),
        ('["null", ["null", "string"]]', "a nullable type is inside", "every target"),
        (
            '{"type": "long", "logicalType": "timestamp-micros"}',
            "'timestamp-micros' is not supported",
            "use timestamp-m",
        ),
        ('{"type": "int", "logicalType": "time-millis"}', "'time-millis' is not supported", "use an int"),
        ('{"type": "string", "logicalType": "uuid"}', "'uuid' is not supported", "use a string"),
        ('{"type": "string", "logicalType": "date"}', "'date' is not supported on 'string'", "every target"),
        ('{"type": "string", "logicalType": 1}', "the logical type 1 is not supported", "every target"),
        ('{"type": "enum", "name": "e", "symbols": ["A"]}', "'enum' is not supported", "allowed_values"),
        ('{"type": "fixed", "name": "f", "size": 4}', "'fixed' is not supported", "use bytes"),
        (
            '{"type": "fixed", "name": "f", "size": 4, "logicalType": "decimal", "precision": 9}',
            "'decimal' is not supported on 'fixed'",
            "every target",
        ),
        ('{"type": "bytes", "logicalType": "decimal"}', "precision is a number from 1 to 38, not None", "digits"),
        ('{"type": "bytes", "logicalType": "decimal", "precision": 39}', "not 39", "as the lake can hold"),
        (
            '{"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 5}',
            "to its precision 4, not 5",
            "point",
        ),
        (
            '{"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": -1}',
            "not -1",
            "after the decimal point",
        ),
        ('{"type": "record", "name": "in", "fields": [{"name": "x"}]}', "a field needs a name and a type", "add both"),
        ('{"type": "record", "name": "in", "fields": []}', "'in' has no fields", "Parquet"),
        (
            '{"type": "record", "name": "a.in", "fields": [{"name": "x", "type": "int"}]}',
            "is not a name",
            "without its",
        ),
        (
            '{"type": "record", "name": "in", "namespace": "x", "fields": [{"name": "x", "type": "int"}]}',
            "has the namespace 'x' inside of ''",
            "one namespace",
        ),
        ('{"type": "record", "name": "r", "fields": [{"name": "x", "type": "int"}]}', "duplicate record 'r'", "name"),
        ('["null", "r"]', "the record 'r' holds itself", "write each of them out"),
        ('{"type": "array", "items": "r"}', "the record 'r' holds itself", "write each of them out"),
        ('"elsewhere"', "'elsewhere' is not supported", "every target"),
        ("17", "is not supported", "every target"),
    ],
)
def test_refuses_a_type_that_not_every_target_can_express(kind: str, message: str, hint: str) -> None:
    reader = reader_of(f'{{"name": "x", "type": {kind}, "default": null}}')
    assert reader.record() is None
    finding = reader.findings[0]
    assert (finding.rule, finding.line) == ("avro-type", 3)
    assert message in finding.message
    assert hint in finding.hint


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ('"type": ["null", "string"]', "has no default null"),
        ('"type": ["null", "string"], "default": "a"', "has no default null"),
        ('"type": "int", "allowed_values": ["1"]', "is not a string"),
        ('"type": "string", "allowed_values": []', "not a list of different texts"),
        ('"type": "string", "allowed_values": ["a", "a"]', "not a list of different texts"),
        ('"type": "string", "allowed_values": ["a", 1]', "not a list of different texts"),
        ('"type": "string", "personal_data": "yes"', "neither true nor false"),
        ('"type": "string"}, {"name": "x", "type": "int"', "duplicate field 'x'"),
    ],
)
def test_refuses_a_field_that_contradicts_itself(rest: str, message: str) -> None:
    reader = reader_of(f'{{"name": "x", {rest}}}')
    assert reader.record() is None
    assert message in reader.findings[0].message


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ('"type": "int", "default": "1"', "'1' is not an int"),
        ('"type": "int", "default": true', "True is not an int"),
        ('"type": "int", "default": 2147483648', "is not an int"),
        ('"type": "long", "default": 1.5', "1.5 is not a long"),
        ('"type": "boolean", "default": 0', "0 is neither true nor false"),
        ('"type": "double", "default": "1.0"', "'1.0' is not a number"),
        ('"type": "string", "default": null', "None is not a string"),
        ('"type": "string", "allowed_values": ["a"], "default": "b"', "'b' is not one of its allowed_values"),
        ('"type": "bytes", "default": "\\u00ff"', "readers do not agree"),
        ('"type": {"type": "int", "logicalType": "date"}, "default": 1', "readers do not agree"),
        ('"type": {"type": "long", "logicalType": "timestamp-millis"}, "default": 1', "readers do not agree"),
        ('"type": {"type": "array", "items": "int"}, "default": {}', "{} is not a list"),
        ('"type": {"type": "array", "items": "int"}, "default": [1, "2"]', "'2' is not an int"),
        ('"type": {"type": "array", "items": ["null", "int"]}, "default": [1]', "can only be null"),
        ('"type": {"type": "map", "values": "string"}, "default": []', "[] is not a map"),
        ('"type": {"type": "map", "values": "string"}, "default": {"a": 1}', "1 is not a string"),
        (
            '"type": {"type": "record", "name": "in", "fields": [{"name": "a", "type": "int"}]}, "default": {}',
            "does not name every field of in",
        ),
        (f'"type": {CLOSED}, "default": {{"a": "c"}}', "not one of the allowed_values of a"),
    ],
)
def test_refuses_a_default_that_does_not_fit_or_that_readers_read_differently(rest: str, message: str) -> None:
    reader = reader_of(f'{{"name": "x", {rest}}}')
    assert reader.record() is None
    (finding,) = reader.findings
    assert (finding.rule, finding.line) == ("default", 3)
    assert message in finding.message


def test_refuses_an_avro_file_without_a_record() -> None:
    reader = Reader(parse("r.avsc", '"string"'))
    assert reader.record() is None
    assert reader.findings[0].message == "the file does not hold a record"


def test_reads_every_avro_type() -> None:
    record = read("""
      {"name": "a", "type": {"type": "array", "items": {"type": "map", "values": "bytes"}}},
      {"name": "b", "type": ["null", {"type": "record", "name": "in", "fields": [
        {"name": "c", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "d", "type": {"type": "boolean"}}]}], "default": null},
      {"name": "e", "type": {"type": "int", "logicalType": "date"}},
      {"name": "f", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
      {"name": "g", "type": {"type": "bytes", "logicalType": "decimal", "precision": 38}},
      {"name": "h", "type": {"type": "array", "items": ["null", "in"]}}
    """)
    inner = record.fields[1].type
    assert isinstance(inner, Nullable)
    assert isinstance(inner.of, Record)
    assert inner.of.fields[0].type == TimestampMillis()
    assert [field.type for field in record.fields if field.name != "b"] == [
        Array(Map(Primitive.BYTES)),
        Date(),
        Decimal(9, 2),
        Decimal(38, 0),
        Array(Nullable(inner.of)),
    ]
    paths = [".".join(path) for path, _ in walk(record)]
    assert paths == ["a", "b", "b.c", "b.d", "e", "f", "g", "h", "h.c", "h.d"]
    assert list(nested_records(record)) == [inner.of]


def test_a_record_may_be_named_again_with_and_without_its_namespace() -> None:
    reader = reader_of(
        """{"name": "a", "type": {"type": "record", "name": "in", "fields": [{"name": "b", "type": "int"}]}},
           {"name": "c", "type": "in"}, {"name": "d", "type": "shop.in"}""",
        '"namespace": "shop",',
    )
    record = reader.record()
    assert record is not None
    assert record.namespace == "shop"
    assert len({field.type for field in record.fields}) == 1


def test_a_field_knows_its_default_and_its_place() -> None:
    record = read("""{"name": "a", "type": "int", "default": 1},
      {"name": "b", "type": ["null", "string"], "default": null},
      {"name": "c", "type": {"type": "map", "values": {"type": "array", "items": "double"}},
       "default": {"k": [1, 2.5]}},
      {"name": "d", "type": "string"}""")
    assert [field.default for field in record.fields] == [Default(1), Default(None), Default({"k": [1, 2.5]}), None]
    assert [field.place for field in record.fields] == [("fields", index) for index in range(4)]
