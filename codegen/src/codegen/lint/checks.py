"""Rules on what Silver and Gold promise of their rows: no nulls, closed sets, pointers, personal data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.closed_sets import personal_columns, stored_fields
from codegen.suggestion import meant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.derived import DerivedTable
    from codegen.findings import Finding
    from codegen.model import Catalog


def unkept(catalog: Catalog) -> Iterator[Finding]:
    """Yield promises that name what is not there, views that are maintained, and tables that are not."""
    fields = stored_fields(catalog)
    names = {table.identifier: {column.name for column in table.columns} for table in catalog.derived}
    for table in catalog.derived:
        own = names[table.identifier]
        for index, name in enumerate(table.source.data.get("required", ())):
            if name not in own:
                message = f"there is no column {name!r}{meant(name, own)}"
                yield table.source.finding("promise", ("required", index), message, "name one of the columns")
        for column in table.columns:
            if column.values_of is not None and not getattr(fields.get(column.values_of), "allowed", ()):
                message = f"{column.values_of} has no closed set"
                place = ("columns", column.name, "values_of")
                yield table.source.finding("promise", place, message, "name a column of Bronze that has one")
        yield from _pointers(table, names)
        if table.is_view and table.maintenance is not None:
            message = "a view holds nothing that could be maintained"
            yield table.source.finding("promise", ("maintenance",), message, "remove it, or make a table of the view")
        elif not table.is_view and table.maintenance is None:
            message = f"nothing says how {table.identifier} is kept small"
            yield table.source.finding("promise", ("name",), message, "add `maintenance`, or say that it is a view")


def unsaid(catalog: Catalog) -> Iterator[Finding]:
    """Yield columns that are made from personal data and do not say whether they are some."""
    personal = personal_columns(catalog)
    for table in catalog.derived:
        for column in table.columns:
            told = column.personal is not None or (not column.doc and len(column.sources) == 1)
            made_from = [str(each) for each in column.sources if each in personal]
            if made_from and not told:
                message = f"{column.name} is made from {', '.join(made_from)}, which is personal data"
                hint = "say in `personal_data` whether it tells who somebody is"
                yield table.source.finding("personal-column", ("columns", column.name), message, hint)


def _pointers(table: DerivedTable, names: dict[str, set[str]]) -> Iterator[Finding]:
    for pointer in table.references:
        place = ("references", pointer.table)
        if pointer.table not in names:
            message = f"there is no table {pointer.table!r}{meant(pointer.table, names)}"
            yield table.source.finding("promise", place, message, "name a table of contracts/derived")
            continue
        for here, there in pointer.columns:
            for name, held, holder in (
                (here, names[table.identifier], table.identifier),
                (there, names[pointer.table], pointer.table),
            ):
                if name not in held:
                    message = f"{holder} has no column {name!r}{meant(name, held)}"
                    yield table.source.finding("promise", (*place, here), message, "name one of its columns")
