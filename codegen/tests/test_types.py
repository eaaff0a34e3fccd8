"""No type is lost: random contracts and random values, through Avro, the generated models and the lake."""

from __future__ import annotations

import io
import json
import sys
import types
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest import mock

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
from codegen.avro import Array, Date, Decimal, Map, Nullable, Primitive, Record, TimestampMillis
from codegen.emit import columns, pydantic
from codegen.lint.records import misnamed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from codegen.avro import AvroType
    from codegen.model import Catalog, RecordVersion

    Schemas = st.SearchStrategy[dict[str, Any]]
    Rows = Callable[[Record], st.SearchStrategy[dict[str, Any]]]
    Version = Callable[..., RecordVersion]

slow = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def models_of(catalog: Catalog, *versions: RecordVersion) -> Any:
    """Return the generated module of models of these versions alone."""
    (file,) = pydantic.emit(replace(catalog, records={"thing": versions}))
    module = types.ModuleType("things")
    with mock.patch.dict(sys.modules, things=module):
        exec(compile(file.content, "things.py", "exec"), module.__dict__)  # noqa: S102 - that is what is tested
    return module


def encoded(schema: str, row: dict[str, Any]) -> bytes:
    wire = io.BytesIO()
    fastavro.schemaless_writer(wire, fastavro.parse_schema(json.loads(schema)), row)
    return wire.getvalue()


def decoded(written: bytes, writer: str, reader: str | None = None) -> Any:
    of_reader = None if reader is None else fastavro.parse_schema(json.loads(reader))
    return fastavro.schemaless_reader(io.BytesIO(written), fastavro.parse_schema(json.loads(writer)), of_reader)


@slow
@given(data=st.data())
def test_a_value_survives_from_avro_to_the_model_and_back_to_the_same_bytes(
    acme: Catalog, schemas: Schemas, rows: Rows, version_of: Version, data: st.DataObject
) -> None:
    version = version_of(data.draw(schemas))
    model = models_of(acme, version).ThingV1
    row = data.draw(rows(version.record))
    written = encoded(version.schema, row)
    read = model.model_validate(decoded(written, version.schema))
    assert read.model_dump() == row
    assert encoded(version.schema, read.model_dump()) == written
    assert model.model_validate_json(read.model_dump_json()) == read
    assert list(misnamed(replace(acme, records={"thing": (version,)}))) == []


@slow
@given(data=st.data())
def test_a_default_is_what_the_model_and_a_reader_of_the_later_version_put_there(
    acme: Catalog, separable_schemas: Schemas, rows: Rows, version_of: Version, data: st.DataObject
) -> None:
    later = data.draw(separable_schemas)
    kept = {"name": "kept", "type": "int", "doc": "There from the first."}
    without = [each for each in later["fields"] if "default" not in each]
    first = version_of({**later, "fields": [kept, *without]})
    second = version_of({**later, "fields": [*later["fields"], kept]}, 2)
    added = [field for field in second.record.fields if field.default is not None]
    model = models_of(acme, first, second).ThingV2
    row = data.draw(rows(first.record))
    resolved = model.model_validate(decoded(encoded(first.schema, row), first.schema, second.schema))
    assert resolved == model.model_validate(row)
    dumped = resolved.model_dump()
    assert [dumped[field.name] for field in added] == [field.default.value for field in added if field.default]
    assert decoded(encoded(second.schema, resolved.model_dump()), second.schema) == resolved.model_dump()


ARROW: dict[Any, pa.DataType] = {
    Primitive.BOOLEAN: pa.bool_(),
    Primitive.INT: pa.int32(),
    Primitive.LONG: pa.int64(),
    Primitive.DOUBLE: pa.float64(),
    Primitive.BYTES: pa.large_binary(),
    Primitive.STRING: pa.large_string(),
    TimestampMillis(): pa.timestamp("us", tz="UTC"),
    Date(): pa.date32(),
}


def arrow_type(kind: AvroType) -> pa.DataType:
    match kind:
        case Decimal(precision, scale):
            return pa.decimal128(precision, scale)
        case Nullable(of):
            return arrow_type(of)
        case Array(items):
            return pa.large_list(pa.field("element", arrow_type(items), nullable=isinstance(items, Nullable)))
        case Map(inner):
            nullable = isinstance(inner, Nullable)
            return pa.map_(pa.large_string(), pa.field("value", arrow_type(inner), nullable=nullable))
        case Record():
            return pa.struct(arrow_fields(kind))
    return ARROW[kind]


def arrow_fields(record: Record) -> list[pa.Field]:
    return [pa.field(field.name, arrow_type(field.type), nullable=field.nullable) for field in record.fields]


def in_arrow(kind: AvroType, value: Any) -> Any:
    """Return a value as Arrow gives it out: maps as lists of pairs."""
    match kind:
        case _ if value is None:
            return None
        case Nullable(of):
            return in_arrow(of, value)
        case Array(items):
            return [in_arrow(items, each) for each in value]
        case Map(inner):
            return [(key, in_arrow(inner, each)) for key, each in value.items()]
        case Record(fields=members):
            return {field.name: in_arrow(field.type, value[field.name]) for field in members}
    return value


def iceberg_schema(catalog: Catalog, version: RecordVersion) -> Schema:
    table = replace(catalog.tables[0], record="thing", version=1, key=())
    return Schema.model_validate_json(json.dumps(columns.schema(table, (version.record,))))


@slow
@given(data=st.data())
def test_a_value_survives_in_the_lake_under_the_types_of_the_table(
    acme: Catalog, schemas: Schemas, rows: Rows, version_of: Version, data: st.DataObject
) -> None:
    version = version_of(data.draw(schemas))
    arrow = schema_to_pyarrow(iceberg_schema(acme, version), include_field_ids=False)
    bare = pa.schema([pa.field(field.name, field.type, field.nullable) for field in arrow])
    assert bare == pa.schema(arrow_fields(version.record))
    row = in_arrow(version.record, data.draw(rows(version.record)))
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row], schema=bare), file)
    assert pq.read_table(io.BytesIO(file.getvalue()), schema=bare).to_pylist() == [row]
