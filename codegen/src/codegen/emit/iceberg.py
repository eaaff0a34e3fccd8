"""Iceberg tables: `iceberg/<namespace>.<table>.json` and `tables.py`."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any, assert_never

from codegen.avro import Array, AvroType, Date, Decimal, Field, Map, Nullable, Primitive, Record, TimestampMillis
from codegen.emit.text import PACKAGE, constant, dumped, notice, render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Catalog, GeneratedFile, Table

# https://iceberg.apache.org/spec/#partition-specs: ids of partition fields start here.
_FIRST_PARTITION_ID = 1000


def emit(catalog: Catalog) -> Iterator[GeneratedFile]:
    """Yield each table as JSON, and all of them as a module."""
    tables = []
    for table in catalog.tables:
        record = catalog.record(table.record, table.version).record
        columns = schema(table, record)
        data = {
            "source": f"contracts/{table.source.path}",
            "identifier": table.identifier,
            "description": table.description,
            "owner": table.owner,
            "writer": table.writer,
            "record": table.record,
            "version": table.version,
            "schema": columns,
            "partition-spec": partition_spec(table, columns),
            "sort-order": sort_order(table, columns),
            "properties": properties(table),
        }
        tables.append((constant(table.identifier), table, data))
        yield dumped(f"iceberg/{table.identifier}.json", data)
    yield render(
        f"{PACKAGE}/tables.py",
        "tables.py",
        notice=notice("contracts/tables"),
        tables=[
            (
                name,
                table,
                [json.dumps(data[part], separators=(",", ":"), ensure_ascii=False) for part in _PARTS],
                data["properties"],
            )
            for name, table, data in tables
        ],
    )


_PARTS = ("schema", "partition-spec", "sort-order")


def schema(table: Table, record: Record) -> dict[str, Any]:
    """Return the Iceberg schema of a table, with field ids in the order in which a catalog gives them."""
    columns = _struct(record, count(1))
    ids = {column["name"]: column["id"] for column in columns["fields"]}
    return {**columns, "schema-id": 0, "identifier-field-ids": [ids[name] for name in table.key]}


def _struct(record: Record, ids: Iterator[int]) -> dict[str, Any]:
    # A catalog numbers all fields of a struct before it goes into any of them.
    numbered = [(next(ids), field) for field in record.fields]
    return {"type": "struct", "fields": [_column(number, field, ids) for number, field in numbered]}


def _column(number: int, field: Field, ids: Iterator[int]) -> dict[str, Any]:
    return {
        "id": number,
        "name": field.name,
        "required": not field.nullable,
        "type": _type(field.bare, ids),
        "doc": field.doc,
    }


def _type(kind: AvroType, ids: Iterator[int]) -> Any:  # noqa: C901, PLR0911, PLR0912 - one case for each type
    match kind:
        case Primitive.BOOLEAN:
            return "boolean"
        case Primitive.INT:
            return "int"
        case Primitive.LONG:
            return "long"
        case Primitive.DOUBLE:
            return "double"
        case Primitive.BYTES:
            return "binary"
        case Primitive.STRING:
            return "string"
        case TimestampMillis():
            return "timestamptz"
        case Date():
            return "date"
        case Decimal(precision, scale):
            return f"decimal({precision}, {scale})"
        case Array(items):
            element = next(ids)
            return {
                "type": "list",
                "element-id": element,
                "element": _inner(items, ids),
                "element-required": not isinstance(items, Nullable),
            }
        case Map(values):
            key, value = next(ids), next(ids)
            return {
                "type": "map",
                "key-id": key,
                "key": "string",
                "value-id": value,
                "value": _inner(values, ids),
                "value-required": not isinstance(values, Nullable),
            }
        case Record():
            return _struct(kind, ids)
        case Nullable():
            raise AssertionError("nullability stands at the field, not at its type")
    assert_never(kind)


def _inner(kind: AvroType, ids: Iterator[int]) -> Any:
    return _type(kind.of if isinstance(kind, Nullable) else kind, ids)


def partition_spec(table: Table, columns: dict[str, Any]) -> dict[str, Any]:
    """Return a table's partition spec."""
    ids = {column["name"]: column["id"] for column in columns["fields"]}
    return {
        "spec-id": 0,
        "fields": [
            {
                "source-id": ids[each.field],
                "field-id": _FIRST_PARTITION_ID + index,
                "name": each.field if each.transform == "identity" else f"{each.field}_{each.transform}",
                "transform": each.transform,
            }
            for index, each in enumerate(table.partition)
        ],
    }


def sort_order(table: Table, columns: dict[str, Any]) -> dict[str, Any]:
    """Return a table's sort order; order 0 means unsorted."""
    ids = {column["name"]: column["id"] for column in columns["fields"]}
    return {
        "order-id": 1 if table.sort else 0,
        "fields": [
            {
                "source-id": ids[each.field],
                "transform": each.transform,
                "direction": "asc",
                "null-order": "nulls-first",
            }
            for each in table.sort
        ],
    }


def properties(table: Table) -> dict[str, str]:
    """Return a table's properties, among them what it holds and whose it is."""
    return {
        **table.properties,
        "comment": table.description,
        "contract.owner": table.owner,
        "contract.record": table.record,
        "contract.version": str(table.version),
    }
