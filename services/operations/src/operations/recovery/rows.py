"""Reads rows of an Iceberg table a few at a time, however large its files and the rows are."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
from pyiceberg.expressions import BooleanExpression
from pyiceberg.expressions.visitors import bind
from pyiceberg.io.pyarrow import ArrowScan, expression_to_pyarrow
from pyiceberg.table import FileScanTask, Table

# Rows may have a megabyte each.
_ROWS = 32


def read_rows(table: Table, among: BooleanExpression, without: Collection[str] = ()) -> Iterator[Mapping[str, Any]]:
    """Yield the rows that an expression covers, file by file, `without` some columns; maps are dicts.

    PyIceberg's own reader holds all rows that a scan finds, whatever is taken of them.

    Raises:
        OSError: The object store does not answer, or a file is gone.
    """
    columns = tuple(field.name for field in table.schema().fields if field.name not in without)
    scan = table.scan(row_filter=among, selected_fields=columns)
    for task in scan.plan_files():
        if task.delete_files:
            # Until the rewriting that follows an erasure. PyIceberg knows how to leave deleted rows out.
            read = ArrowScan(table.metadata, table.io, scan.projection(), among).to_record_batches([task])
        else:
            read = _read_file(table, task, among, columns)
        for batch in read:
            for start in range(0, batch.num_rows, _ROWS):
                yield from batch.slice(start, _ROWS).to_pylist(maps_as_pydicts="strict")


def _read_file(
    table: Table, task: FileScanTask, among: BooleanExpression, columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    # Columns are never renamed and keep their types (`codegen compat`), so names tell which is which.
    schema = table.schema()
    with table.io.new_input(task.file.file_path).open() as file:
        fragment = ds.ParquetFileFormat().make_fragment(file)
        scanner = ds.Scanner.from_fragment(
            fragment,
            schema=schema.as_arrow(),
            columns=list(columns),
            filter=expression_to_pyarrow(bind(schema, among, case_sensitive=True), schema),
            batch_size=_ROWS,
            batch_readahead=1,
            fragment_readahead=1,
            use_threads=False,
        )
        yield from scanner.to_batches()
