"""Changes to tables of the operational database, their columns and their indexes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.compat.database import columns_of, parent, type_of
from codegen.diff.change import Change, Section, others
from codegen.lint.flows import record_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.avro import Field
    from codegen.database import DatabaseTable
    from codegen.model import Catalog

_ATTRIBUTES = ("record", "version", "key", "owner", "writer", "description")
_TOLD = frozenset({"kind", "name", "follows", "indexes", *_ATTRIBUTES})


def tables(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield tables that are new, gone or different."""
    for name, was, now in _pairs(old, new):
        concern = ("database", name)
        if now is None:
            yield Change(Section.DATABASE, name, "is gone", (concern,))
        elif was is None:
            text = f"is new: {now.record} v{now.version}, written by {now.writer}"
            yield Change(Section.DATABASE, name, text, (concern,))
        else:
            for attribute in _ATTRIBUTES:
                one, other = getattr(was, attribute), getattr(now, attribute)
                if one != other:
                    text = f"{attribute} {_worded(one)} → {_worded(other)}"
                    yield Change(Section.DATABASE, name, text, ((*concern, attribute),))
            yield from others(Section.DATABASE, name, was.source, now.source, _TOLD)


def columns(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield columns that are new, gone or different in a table that the database had before and has now."""
    for name, was, now in _pairs(old, new):
        if was is None or now is None:
            continue
        before, after = _columns(old, was), _columns(new, now)
        for path in dict.fromkeys((*before, *after)):
            title, concerns = f"{name}.{path}", (("database", name, path),)
            told, tells = (_told(path, fields[path]) if path in fields else "" for fields in (before, after))
            if not told:
                yield Change(Section.DATABASE, title, f"is new: {tells}", concerns)
            elif not tells:
                yield Change(Section.DATABASE, title, "is no longer written", concerns)
            elif told != tells:
                yield Change(Section.DATABASE, title, f"{told} → {tells}", concerns)


def indexes(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield indexes that are new, gone or different in a table that the database had before and has now."""
    for name, was, now in _pairs(old, new):
        if was is None or now is None:
            continue
        before, after = (
            {index.name: ", ".join(map(str, index.columns)) for index in table.indexes} for table in (was, now)
        )
        words = {index.name: index.description for index in was.indexes}
        for each in now.indexes:
            if words.get(each.name, each.description) != each.description:
                text = f"{words[each.name]} → {each.description}"
                yield Change(Section.DATABASE, each.name, text, (("database", name, f"index {each.name}"),))
        for index in dict.fromkeys((*before, *after)):
            concerns = (("database", name, f"index {index}"),)
            if index not in before:
                yield Change(Section.DATABASE, index, f"is a new index of {name}: {after[index]}", concerns)
            elif index not in after:
                yield Change(Section.DATABASE, index, f"is no longer an index of {name}", concerns)
            elif before[index] != after[index]:
                yield Change(Section.DATABASE, index, f"{before[index]} → {after[index]}", concerns)


def _columns(catalog: Catalog, table: DatabaseTable) -> dict[str, Field]:
    return columns_of(catalog, table) if record_of(catalog, table.record, table.version) else {}


def _told(path: str, field: Field) -> str:
    inside = " in jsonb" if parent(path) else ""
    return f"{type_of(path, field)}{inside} {'optional' if field.nullable else 'required'}"


def _pairs(old: Catalog, new: Catalog) -> Iterator[tuple[str, DatabaseTable | None, DatabaseTable | None]]:
    before, after = ({table.name: table for table in catalog.database} for catalog in (old, new))
    for name in sorted(before.keys() | after.keys()):
        yield name, before.get(name), after.get(name)


def _worded(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
