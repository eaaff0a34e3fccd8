"""Rules on derived tables: the sources of their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.avro import walk
from codegen.derived import LAYERS
from codegen.lint.flows import record_of
from codegen.suggestion import meant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.derived import Column, DerivedTable
    from codegen.findings import Finding
    from codegen.model import Catalog


def broken(catalog: Catalog) -> Iterator[Finding]:
    """Yield derived tables whose key or sources do not exist, flow backwards, or leave a column without a meaning."""
    known = dict(_columns(catalog))
    for table in catalog.derived:
        path = f"derived/{table.identifier}.yaml"
        if table.source.path != path:
            message, hint = f"a contract of this name belongs in {path}", "rename the file or the contract"
            yield table.source.finding("lineage", ("name",), message, hint)
        names = {column.name for column in table.columns}
        for index, key in enumerate(table.key):
            if key not in names:
                message = f"there is no column {key!r}{meant(key, names)}"
                yield table.source.finding("lineage", ("key", index), message, "name one of the columns")
        strangers: set[str] = set()
        for column in table.columns:
            if not column.doc and len(column.sources) != 1:
                message = f"{column.name} has no doc, and not exactly one source whose meaning it could have"
                yield table.source.finding("lineage", ("columns", column.name), message, "say in `doc` what it means")
            for index, source in enumerate(column.sources):
                # A table that is not there is said once, not for each column that is made from it.
                message = "" if source.table in strangers else _wrong(table, source, known)
                strangers |= {source.table} - known.keys()
                if message:
                    place = ("columns", column.name, "from", index)
                    hint = "name a column of a table of this layer's source, as bronze.payments.amount"
                    yield table.source.finding("lineage", place, message, hint)


def views(catalog: Catalog) -> Iterator[Finding]:
    """Yield columns of a view over a table that the table has not, or that two of its columns would be called."""
    for table in catalog.tables:
        record = record_of(catalog, table.record, table.version)
        if table.staging is None or record is None:
            continue
        known = {path for path, _ in walk(record)}
        unrenamed = {field.name for field in record.fields} - {path[0] for path in table.staging.columns.values()}
        for name, path in table.staging.columns.items():
            place = ("staging", "columns", name)
            if path not in known:
                close = meant(".".join(path), [".".join(each) for each in known])
                message = f"{table.record} v{table.version} has no field {'.'.join(path)!r}{close}"
                yield table.source.finding("staging", place, message, "name one of its fields, as retry.delay")
            elif name in unrenamed:
                message = f"the view would have two columns {name!r}: the table has one that keeps its name"
                yield table.source.finding("staging", place, message, "choose another name, or rename both")


def _wrong(table: DerivedTable, source: Column, known: dict[str, frozenset[tuple[str, ...]]]) -> str:
    if source.table not in known:
        return f"there is no table {source.table!r}{meant(source.table, known)}"
    if source.path not in known[source.table]:
        name, names = ".".join(source.path), [".".join(path) for path in known[source.table]]
        return f"{source.table} has no column {name!r}{meant(name, names)}"
    if LAYERS.index(source.table.split(".")[0]) >= LAYERS.index(table.namespace):
        return f"{table.namespace} cannot be made from {source.table}"
    return ""


def _columns(catalog: Catalog) -> Iterator[tuple[str, frozenset[tuple[str, ...]]]]:
    for table in catalog.tables:
        record = record_of(catalog, table.record, table.version)
        if record is not None:
            yield table.identifier, frozenset(path for path, _ in walk(record))
    for derived in catalog.derived:
        yield derived.identifier, frozenset((column.name,) for column in derived.columns)
