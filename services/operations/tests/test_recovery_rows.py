"""Rows of the archive are read a few at a time, whoever wrote their file."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from operations.recovery import rows as rows_module
from operations.recovery.rows import read_rows
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import AlwaysTrue, BooleanExpression, EqualTo, Reference
from pyiceberg.expressions.literals import literal
from pyiceberg.schema import Schema
from pyiceberg.table import FileScanTask, Table
from pyiceberg.types import BinaryType, LongType, MapType, NestedField, StringType

SCHEMA = Schema(
    NestedField(1, "event_id", StringType()),
    NestedField(2, "payload", BinaryType()),
    NestedField(3, "headers", MapType(4, StringType(), 5, StringType(), value_required=False)),
    NestedField(6, "kafka_offset", LongType()),
    NestedField(7, "livemode", StringType()),
)


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """A table with a file as Trino writes one: texts are short ones, columns in another order, a later one missing."""
    catalog = SqlCatalog("test", uri="sqlite://", warehouse=f"file://{tmp_path}")
    catalog.create_namespace("archive")
    made = catalog.create_table("archive.events", SCHEMA)
    headers = pa.map_(pa.string(), pa.string())
    written = pa.table(
        {
            "kafka_offset": pa.array(range(100), pa.int64()),
            "headers": pa.array([[("a", "b")]] * 100, headers),
            "payload": pa.array([b"x"] * 100, pa.binary()),
            "event_id": pa.array(map(str, range(100)), pa.string()),
        }
    )
    pq.write_table(written, tmp_path / "file.parquet", store_schema=False)
    made.add_files([str(tmp_path / "file.parquet")])
    return made


def test_rows_are_read_as_the_table_has_them(table: Table) -> None:
    (row,) = read_rows(table, EqualTo(term=Reference("kafka_offset"), value=literal(70)))
    assert row == {"event_id": "70", "payload": b"x", "headers": {"a": "b"}, "kafka_offset": 70, "livemode": None}


def test_columns_that_nobody_wants_are_not_read(table: Table) -> None:
    read = list(read_rows(table, EqualTo(term=Reference("kafka_offset"), value=literal(70)), {"payload", "headers"}))
    assert read == [{"event_id": "70", "kafka_offset": 70, "livemode": None}]


def test_no_more_rows_are_held_than_a_few(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def noted(
        table: Table, task: FileScanTask, among: BooleanExpression, columns: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        for batch in read(table, task, among, columns):
            sizes.append(batch.num_rows)
            yield batch

    read = rows_module._read_file
    monkeypatch.setattr(rows_module, "_read_file", noted)
    assert len(list(read_rows(table, AlwaysTrue()))) == 100
    assert max(sizes) <= 32
