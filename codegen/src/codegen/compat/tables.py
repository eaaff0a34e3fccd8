"""Rules on tables: what rows hold already stays readable to Iceberg, and true to dbt.

Which types Iceberg can widen: https://iceberg.apache.org/spec/#schema-evolution.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from codegen.compat.breakage import Breakage, broken, gone
from codegen.emit import columns
from codegen.lake import maintained
from codegen.lint.flows import record_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.model import Catalog, RecordVersion, Table, Transformed

_PROMOTIONS = {("int", "long"), ("float", "double")}
_DECIMAL = re.compile(r"decimal\((\d+), ?(\d+)\)")


def removed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield tables that are gone."""
    names = {table.identifier for table in new.tables}
    for table in old.tables:
        if table.identifier not in names:
            message = f"the table {table.identifier} is gone, and its rows remain"
            yield gone(("table", table.identifier), table.source, message, "put it back")


def key_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield tables whose key has other columns, or the same in another order."""
    for before, after in _both(old, new):
        if before.key != after.key:
            message = f"the key of {after.identifier} was {', '.join(before.key)} and is to be {', '.join(after.key)}"
            hint = "leave the key: stored rows are told apart by it"
            yield broken(("table", after.identifier, "key"), after.source, ("key",), message, hint)


def partition_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield tables with another partitioning."""
    for before, after in _both(old, new):
        if before.partition != after.partition:
            message = (
                f"{after.identifier} was partitioned by {_worded(before.partition)} and is to be partitioned by "
                f"{_worded(after.partition)}: stored files keep the old partitions"
            )
            hint = "leave it, or rewrite the table by hand first"
            yield broken(("table", after.identifier, "partition"), after.source, ("partition",), message, hint)


def sort_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield tables with another order of rows."""
    for before, after in _both(old, new):
        if before.sort != after.sort:
            message = (
                f"{after.identifier} was sorted by {_worded(before.sort)} and is to be sorted by "
                f"{_worded(after.sort)}: stored files keep the old order"
            )
            hint = "leave it, or rewrite the table by hand first"
            yield broken(("table", after.identifier, "sort"), after.source, ("sort",), message, hint)


def history_shortened(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield tables, derived ones too, that keep their snapshots for less time."""
    kept = {table.identifier: each.keep_snapshots_hours for table, each in maintained(old)}
    for table, each in maintained(new):
        hours = kept.get(table.identifier, 0)
        if each.keep_snapshots_hours < hours:
            message = (
                f"snapshots of {table.identifier} could be read for {hours} h and are to be kept for "
                f"{each.keep_snapshots_hours}"
            )
            place = ("maintenance", "keep_snapshots_hours")
            hint = "leave the time, or agree with whoever reads the table as it was"
            yield broken(("table", table.identifier, "maintenance"), table.source, place, message, hint)


def rows_shortened(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield tables, derived ones too, whose rows are deleted earlier: nothing brings them back."""
    kept = {table.identifier: each.retention_days for table, each in maintained(old)}
    for table, each in maintained(new):
        days = each.retention_days
        if days is None or table.identifier not in kept:
            continue
        before = kept[table.identifier]
        if before is None or days < before:
            was = "for ever" if before is None else f"for {before} days"
            message = f"rows of {table.identifier} were kept {was} and are to be deleted after {days} days"
            place = ("maintenance", "retention_days")
            hint = "leave the time, or agree with whoever reads older rows: nothing brings them back"
            yield broken(("table", table.identifier, "maintenance"), table.source, place, message, hint)


def properties_removed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield properties that are gone from a contract: tables that exist would keep them, and new ones lack them."""
    for before, after in _both(old, new):
        for name, value in before.properties.items():
            if name not in after.properties:
                message = f"the property {name} of {after.identifier} is no longer declared; the table keeps {value}"
                hint = "declare the value that it is to have, the default too"
                yield broken(("table", after.identifier, "properties"), after.source, ("properties",), message, hint)


def freshness_loosened(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield tables whose rows may be older before somebody is told, or whose age is judged by another column."""
    for before, after in _both(old, new):
        one, other = before.freshness, after.freshness
        concern = ("table", after.identifier, "freshness")
        if one is None:
            continue
        if other is None:
            message = f"the age of {after.identifier} was judged by {one.field} and is to be judged no more"
            yield broken(concern, after.source, (), message, "put `freshness` back, or agree with whoever relies on it")
            continue
        if one.field != other.field:
            message = f"the age of {after.identifier} was judged by {one.field} and is to be by {other.field}"
            yield broken(concern, after.source, ("freshness", "field"), message, "leave the column")
        for key in ("warn_after_minutes", "error_after_minutes"):
            was, now = getattr(one, key), getattr(other, key)
            if now > was:
                message = f"{key} of {after.identifier} was {was} and is to be {now}"
                hint = "leave the time, or agree with whoever relies on fresh rows"
                yield broken(concern, after.source, ("freshness", key), message, hint)


def columns_removed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield columns that are gone; a column with another name is one of them."""
    for table, before, after in _schemas(old, new):
        written = columns_of(after)
        for path in columns_of(before):
            if path not in written and _parent(path) in {"", *written}:
                message = f"the column {path} of {table.identifier} is no longer written; dbt and its readers know it"
                hint = "keep the field; one with another name is a new column beside the old one"
                yield broken(("column", table.identifier, path), table.source, ("version",), message, hint)


def types_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield columns of another type, the promotions of Iceberg apart."""
    for table, before, after in _schemas(old, new):
        written = columns_of(after)
        for path, column in columns_of(before).items():
            one, other = type_of(column), type_of(written[path]) if path in written else ""
            if other and one != other and not widens(one, other):
                message = f"the column {path} of {table.identifier} was {one} and is to be {other}"
                hint = "Iceberg widens int to long, float to double and the precision of decimals, and nothing else"
                yield broken(("column", table.identifier, path), table.source, ("version",), message, hint)


def required(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield columns that stored rows may lack and that must now be there."""
    for table, before, after in _schemas(old, new):
        known = columns_of(before)
        for path, column in columns_of(after).items():
            if not column["required"]:
                continue
            concern, place = ("column", table.identifier, path), ("version",)
            if path not in known:
                if _parent(path) and _parent(path) not in known:
                    continue
                message = f"the new column {path} of {table.identifier} is required, and stored rows have none"
                yield broken(concern, table.source, place, message, "make the field nullable")
            elif not known[path]["required"]:
                message = f"the column {path} of {table.identifier} may be null in stored rows and is to be required"
                yield broken(concern, table.source, place, message, "leave it nullable")


def values_narrowed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield columns whose closed set lacks values that stored rows have; dbt's tests would refuse those rows."""
    for before, after in _both(old, new):
        known = _allowed(_record(old, before))
        for path, allowed in _allowed(_record(new, after)).items():
            if path not in known or not allowed:
                continue
            lost = [value for value in known[path] or ("any text",) if value not in allowed]
            if lost:
                message = f"{', '.join(lost)} may be in stored rows of {after.identifier}.{path}, and is refused now"
                concern = ("column", after.identifier, path)
                yield broken(concern, after.source, ("version",), message, "keep the values in the field's closed set")


def columns_of(schema: Mapping[str, Any], prefix: str = "") -> dict[str, dict[str, Any]]:
    """Return the columns of an Iceberg schema by path, with those inside structs, lists and maps."""
    found: dict[str, dict[str, Any]] = {}
    for column in schema["fields"]:
        path = f"{prefix}{column['name']}"
        found[path] = column
        found |= _inside(column["type"], path)
    return found


def _inside(kind: Any, path: str) -> dict[str, dict[str, Any]]:
    match kind:
        case {"type": "struct"}:
            return columns_of(kind, f"{path}.")
        case {"type": "list", "element": element, "element-required": must}:
            inner = {"type": element, "required": must}
            return {f"{path}[]": inner, **_inside(element, f"{path}[]")}
        case {"type": "map", "value": value, "value-required": must}:
            inner = {"type": value, "required": must}
            return {f"{path}{{}}": inner, **_inside(value, f"{path}{{}}")}
    return {}


def type_of(column: Mapping[str, Any]) -> str:
    """Return a column's Iceberg type in a word; what is inside it has columns of its own."""
    kind = column["type"]
    return kind if isinstance(kind, str) else str(kind["type"])


def schema_of(catalog: Catalog, table: Table) -> dict[str, Any]:
    """Return the Iceberg schema of what is written to a table: without the columns that older rows alone have."""
    return columns.schema(table, [catalog.record(table.record, table.version).record])


def widens(one: str, other: str) -> bool:
    """Return whether Iceberg promotes one type to the other."""
    before, after = _DECIMAL.fullmatch(one), _DECIMAL.fullmatch(other)
    if before and after:
        return before[2] == after[2] and int(before[1]) <= int(after[1])
    return (one, other) in _PROMOTIONS


def _parent(path: str) -> str:
    return re.sub(r"(\.[^.\[{]+|\[\]|\{\})$", "", path) if re.search(r"[.\[{]", path) else ""


def _worded(transformed: tuple[Transformed, ...]) -> str:
    if not transformed:
        return "nothing"
    named = (f"{each.transform} of {each.field}" for each in transformed)
    return ", ".join(each.removeprefix("identity of ") for each in named)


def _allowed(version: RecordVersion) -> dict[str, tuple[str, ...]]:
    return {field["name"]: tuple(field.get("allowed_values", ())) for field in version.source.data["fields"]}


def _record(catalog: Catalog, table: Table) -> RecordVersion:
    return catalog.record(table.record, table.version)


def _schemas(old: Catalog, new: Catalog) -> Iterator[tuple[Table, dict[str, Any], dict[str, Any]]]:
    for before, after in _both(old, new):
        yield after, schema_of(old, before), schema_of(new, after)


def _both(old: Catalog, new: Catalog) -> Iterator[tuple[Table, Table]]:
    after = {table.identifier: table for table in new.tables}
    for table in old.tables:
        if table.identifier in after and record_of(old, table.record, table.version):
            yield table, after[table.identifier]
