"""Changes to Silver and Gold, as their contracts declare them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.compat.derived import promised_values, type_in
from codegen.diff.change import Change, Section, others, worded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.derived import DerivedColumn, DerivedTable
    from codegen.model import Catalog

_ATTRIBUTES = ("key", "owner", "writer", "description")
_TOLD = frozenset({"kind", "name", "columns", "maintenance", "references", "required", *_ATTRIBUTES})


def tables(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield derived tables that are new, gone or different."""
    for name, was, now in _pairs(old, new):
        concern = ("table", name)
        if now is None:
            yield Change(Section.DERIVED, name, "is gone", (concern,))
        elif was is None:
            yield Change(Section.DERIVED, name, f"is new, written by {now.writer}", (concern,))
        else:
            for attribute in _ATTRIBUTES:
                one, other = (_worded(getattr(each, attribute)) for each in (was, now))
                if one != other:
                    yield Change(Section.DERIVED, name, f"{attribute} {one} → {other}", ((*concern, attribute),))
            pointed, points = (each.source.data.get("references") for each in (was, now))
            if pointed != points:
                told = f"references {worded(pointed)} → {worded(points)}"
                yield Change(Section.DERIVED, name, told, ((*concern, "references"),))
            yield from others(Section.DERIVED, name, was.source, now.source, _TOLD)


def columns(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield columns that are new, gone or different in a derived table that was there before and is there now."""
    for name, was, now in _pairs(old, new):
        if was is None or now is None:
            continue
        before, after = ({column.name: column for column in table.columns} for table in (was, now))
        for column in dict.fromkeys((*before, *after)):
            title, concerns = f"{name}.{column}", (("column", name, column),)
            if column not in before:
                never = ", never null" if column in now.required else ""
                yield Change(Section.DERIVED, title, f"is new, from {_from(after[column])}{never}", concerns)
            elif column not in after:
                yield Change(Section.DERIVED, title, "is gone", concerns)
            else:
                told = [*_differences(old, new, before[column], after[column])]
                if (column in was.required) != (column in now.required):
                    told.append("never null" if column in now.required else "may be null")
                text = "; ".join(told)
                if text:
                    yield Change(Section.DERIVED, title, text, concerns)


def _differences(old: Catalog, new: Catalog, was: DerivedColumn, now: DerivedColumn) -> Iterator[str]:
    if was.sources != now.sources:
        yield f"from {_from(was)} → {_from(now)}"
    one, other = type_in(old, was), type_in(new, now)
    if one != other:
        yield f"{one or 'computed'} → {other or 'computed'}"
    for word, told in (("values", "values"), ("values_of", "values of"), ("personal", "personal data:")):
        before, after = (getattr(each, word) for each in (was, now))
        if before != after:
            yield f"{told} {_worded(before)} → {_worded(after)}"
    if (was.values, was.values_of) == (now.values, now.values_of):
        before, after = promised_values(old, was), promised_values(new, now)
        if before != after:
            yield f"one of {_worded(before)} → {_worded(after)}"
    if was.doc != now.doc:
        yield f"means {was.doc or 'what its source means'} → {now.doc or 'what its source means'}"


def _from(column: DerivedColumn) -> str:
    return ", ".join(map(str, column.sources)) or "no column"


def _worded(value: object) -> str:
    return ", ".join(map(str, value)) or "any" if isinstance(value, tuple) else str(value)


def _pairs(old: Catalog, new: Catalog) -> Iterator[tuple[str, DerivedTable | None, DerivedTable | None]]:
    before, after = ({table.identifier: table for table in catalog.derived} for catalog in (old, new))
    for name in sorted(before.keys() | after.keys()):
        yield name, before.get(name), after.get(name)
