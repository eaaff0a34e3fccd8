"""Changes to tables: their columns in the lake, and what dbt knows of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codegen.compat.tables import columns_of, schema_of, type_of
from codegen.diff.change import Change, Section, others
from codegen.emit import dbt
from codegen.lake import maintained
from codegen.lint.flows import record_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.model import Catalog, Table

_ATTRIBUTES = (
    "record",
    "version",
    "key",
    "partition",
    "sort",
    "properties",
    "freshness",
    "owner",
    "writer",
    "description",
)
_TOLD = frozenset({"kind", "name", "follows", "maintenance", *_ATTRIBUTES})


def tables(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield tables that are new, gone or different."""
    for name, was, now in _pairs(old, new):
        concern = ("table", name)
        if now is None:
            yield Change(Section.TABLES, name, "is gone", (concern,))
        elif was is None:
            text = f"is new: {now.record} v{now.version}, written by {now.writer}"
            yield Change(Section.TABLES, name, text, (concern,))
        else:
            for attribute in _ATTRIBUTES:
                if getattr(was, attribute) != getattr(now, attribute):
                    # A version may be left to a topic.
                    one, other = (
                        _worded(each.source.data.get(attribute, getattr(each, attribute))) for each in (was, now)
                    )
                    yield Change(Section.TABLES, name, f"{attribute} {one} → {other}", ((*concern, attribute),))
            yield from others(Section.TABLES, name, was.source, now.source, _TOLD)


def followers(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield tables, of the database too, that leave their version to another topic, or to one newly or no longer."""
    before, after = (
        {each.source.path: each.source.data.get("follows") for each in catalog.holders} for catalog in (old, new)
    )
    for path in sorted(before.keys() & after.keys()):
        one, other = before[path], after[path]
        if one != other:
            section = Section.TABLES if path.startswith("tables/") else Section.DATABASE
            name = path.rpartition("/")[2].removesuffix(".yaml")
            text = f"takes its version from {one or 'its own contract'} → {other or 'its own contract'}"
            yield Change(section, name, text, ())


def upkeep(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield changes to how tables are maintained, derived ones too, in a table that the lake had before and has now."""
    before, after = (
        {table.identifier: (table.source.data["maintenance"], kept) for table, kept in maintained(catalog)}
        for catalog in (old, new)
    )
    for name in sorted(before.keys() & after.keys()):
        (was, one), (now, other) = before[name], after[name]
        if one != other:
            changed = (key for key in now if was.get(key) != now[key])
            text = "; ".join(f"maintenance {key} {was.get(key)} → {now[key]}" for key in changed)
            yield Change(Section.TABLES, name, text, (("table", name, "maintenance"),))


def columns(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield columns that are new, gone or different in a table that the lake had before and has now."""
    for name, was, now in _pairs(old, new):
        if was is None or now is None:
            continue
        before, after = _columns(old, was), _columns(new, now)
        for path in dict.fromkeys((*before, *after)):
            title, concerns = f"{name}.{path}", (("column", name, path), ("table", name))
            if path not in before:
                yield Change(Section.ICEBERG, title, f"is new: {_told(after[path])}", concerns)
            elif path not in after:
                yield Change(Section.ICEBERG, title, "is no longer written", concerns)
            elif _told(before[path]) != _told(after[path]):
                yield Change(Section.ICEBERG, title, f"{_told(before[path])} → {_told(after[path])}", concerns)


def sources(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield columns that are new, gone or tested in another way in a source that dbt had before and has now."""
    before, after = _sources(old), _sources(new)
    for name in sorted(before.keys() & after.keys()):
        was, now = before[name], after[name]
        for column in dict.fromkeys((*was, *now)):
            title, concerns = f"{name}.{column}", (("column", name, column), ("table", name))
            if column not in was:
                tests = f", tested: {', '.join(map(_test, now[column]))}" if now[column] else ""
                yield Change(Section.DBT, title, f"is new{tests}", concerns)
            elif column not in now:
                yield Change(Section.DBT, title, "is gone", concerns)
            elif was[column] != now[column]:
                yield Change(Section.DBT, title, "; ".join(_retested(was[column], now[column])), concerns)


def _sources(catalog: Catalog) -> dict[str, dict[str, list[Any]]]:
    """Return the tests of each column of each source."""
    return {
        f"{source['name']}.{table['name']}": {
            column["name"]: list(column.get("data_tests", ())) for column in table["columns"]
        }
        for source in dbt.sources(catalog)["sources"]
        for table in source["tables"]
    }


def _retested(was: list[Any], now: list[Any]) -> Iterator[str]:
    before, after = _accepted(was), _accepted(now)
    if before and after:
        won = [value for value in after if value not in before]
        lost = [value for value in before if value not in after]
        if won:
            yield f"the test takes {', '.join(won)} too"
        if lost:
            yield f"the test refuses {', '.join(lost)}"
    names, others = (
        [_test(test) for test in tests if not (before and after and _accepted([test]))] for tests in (was, now)
    )
    yield from (f"no longer tested: {name}" for name in names if name not in others)
    yield from (f"now tested: {name}" for name in others if name not in names)


def _accepted(tests: list[Any]) -> list[str]:
    found = [test["accepted_values"] for test in tests if isinstance(test, dict) and "accepted_values" in test]
    return [str(value) for each in found for value in each["arguments"]["values"]]


def _test(test: Any) -> str:
    values = _accepted([test])
    if values:
        return f"one of {', '.join(values)}"
    return str(next(iter(test))) if isinstance(test, dict) else str(test)


def _columns(catalog: Catalog, table: Table) -> dict[str, dict[str, Any]]:
    if record_of(catalog, table.record, table.version) is None:
        return {}
    return columns_of(schema_of(catalog, table))


def _told(column: Mapping[str, Any]) -> str:
    return f"{type_of(column)} {'required' if column['required'] else 'optional'}"


def _pairs(old: Catalog, new: Catalog) -> Iterator[tuple[str, Table | None, Table | None]]:
    before, after = ({table.identifier: table for table in catalog.tables} for catalog in (old, new))
    for name in sorted(before.keys() | after.keys()):
        yield name, before.get(name), after.get(name)


def _worded(value: Any) -> str:
    match value:
        case {"field": field, "transform": transform}:
            return field if transform == "identity" else f"{transform} of {field}"
        case dict():
            return ", ".join(f"{key} {each}" for key, each in value.items()) or "none"
        case list():
            return ", ".join(_worded(each) for each in value) or "none"
    return str(value)
