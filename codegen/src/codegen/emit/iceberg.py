"""Iceberg tables: `iceberg/<namespace>.<table>.json` and `tables.py`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from codegen.emit.columns import last_ids, schema
from codegen.text import PACKAGE, constant, dumped, notice, render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Catalog, GeneratedFile, Table

# https://iceberg.apache.org/spec/#partition-specs: ids of partition fields start here.
_FIRST_PARTITION_ID = 1000


def emit(catalog: Catalog) -> Iterator[GeneratedFile]:
    """Yield each table as JSON, and all of them as a module."""
    tables = []
    for table in catalog.tables:
        records = [each.record for each in catalog.records[table.record] if each.version <= table.version]
        columns = schema(table, records)
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
        tables.append((constant(table.identifier), table, data, last_ids(records)))
        yield dumped(f"iceberg/{table.identifier}.json", data)
    yield render(
        f"{PACKAGE}/tables.py",
        "tables.py",
        notice=notice("contracts/tables"),
        derived=catalog.derived,
        tables=[
            (
                name,
                table,
                [json.dumps(data[part], separators=(",", ":"), ensure_ascii=False) for part in _PARTS],
                data["properties"],
                ids,
            )
            for name, table, data, ids in tables
        ],
    )


_PARTS = ("schema", "partition-spec", "sort-order")


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
