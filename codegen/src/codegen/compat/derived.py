"""Rules on Silver and Gold: reports and people query them by name, and rely on what a row and a column mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.closed_sets import closed_set, personal_columns, stored_fields
from codegen.compat.breakage import Breakage, broken, gone
from codegen.compat.tables import columns_of, schema_of, type_of, widens
from codegen.derived import Column
from codegen.lint.flows import record_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.derived import DerivedColumn, DerivedTable
    from codegen.model import Catalog


def removed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield derived tables that are gone."""
    names = {table.identifier for table in new.derived}
    for table in old.derived:
        if table.identifier not in names:
            message = f"the table {table.identifier} is gone, and queries name it"
            yield gone(("table", table.identifier), table.source, message, "put it back")


def key_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield derived tables whose rows stand for something else; the order of the key's columns is of no matter."""
    for before, after in _both(old, new):
        if set(before.key) != set(after.key):
            message = (
                f"a row of {after.identifier} was one {_listed(before.key)}, and is to be one {_listed(after.key)}"
            )
            hint = "leave the key; rows of another grain are another table"
            yield broken(("table", after.identifier, "key"), after.source, ("key",), message, hint)


def columns_removed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield columns of derived tables that are gone; a column with another name is one of them."""
    for before, after in _both(old, new):
        names = {column.name for column in after.columns}
        for column in before.columns:
            if column.name not in names:
                message = f"the column {column.name} of {after.identifier} is gone, and queries name it"
                concern = ("column", after.identifier, column.name)
                hint = "keep it; one with another name is a new column beside the old one"
                yield broken(concern, after.source, ("columns",), message, hint)


def sources_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield columns that are no longer made from what they were made from; a further source is not a breakage."""
    for before, after, table in _columns(old, new):
        lost = [str(each) for each in before.sources if each not in after.sources]
        if lost:
            message = f"{table.identifier}.{after.name} was made from {', '.join(lost)}, and no longer is"
            concern = ("column", table.identifier, after.name)
            hint = "leave the source; what means something else is another column"
            yield broken(concern, table.source, ("columns", after.name, "from"), message, hint)


def types_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield columns that hand a source on and get another type by it, the promotions of Iceberg apart."""
    for before, after, table in _columns(old, new):
        one, other = type_in(old, before), type_in(new, after)
        if one and other and one != other and not widens(one, other):
            message = f"{table.identifier}.{after.name} was {one} and is to be {other}"
            concern = ("column", table.identifier, after.name)
            hint = "leave its type; one of another type is a new column beside the old one"
            yield broken(concern, table.source, ("columns", after.name), message, hint)


def nulls_allowed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield columns that were never null and may be now; what is new, or gone, was not promised or is told as gone."""
    for before, after in _both(old, new):
        names = {column.name for column in after.columns}
        for name in before.required:
            if name in names and name not in after.required:
                message = f"{after.identifier}.{name} was never null, and may be now"
                concern = ("column", after.identifier, name)
                hint = "leave it required; who reads it does not expect nulls"
                yield broken(concern, after.source, ("columns", name), message, hint)


def references_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield tables whose rows need no longer point to rows of another, or point to them by other columns."""
    for before, after in _both(old, new):
        known = {pointer.table: pointer.columns for pointer in after.references}
        for pointer in before.references:
            other = known.get(pointer.table, ())
            if set(other) != set(pointer.columns):
                now = f"is to by {_paired(other)}" if other else "need not any more"
                message = f"{after.identifier} pointed to {pointer.table} by {_paired(pointer.columns)}, and {now}"
                concern = ("table", after.identifier, "references")
                hint = "leave the reference: queries join by it and lose rows that point nowhere"
                yield broken(concern, after.source, ("references", pointer.table), message, hint)


def values_widened(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield columns that may have values which their contract ruled out; fewer values are a promise of more.

    Where the contract names a column of Bronze, a value that is new there is new here. What a column without a word of
    its own hands on is as its source says: the rules of that one tell of it.
    """
    for before, after, table in _columns(old, new):
        was, now = promised_values(old, before), closed_set(after, stored_fields(new))
        added = [value for value in now if value not in was]
        if was and (added or not now):
            message = f"{table.identifier}.{after.name} was one of {', '.join(was)}, and may be "
            message += f"{', '.join(added)}, too" if added else "any text now"
            concern = ("column", table.identifier, after.name)
            hint = "leave the values; who reads the column knows no others"
            yield broken(concern, table.source, ("columns", after.name, "values"), message, hint)


def promised_values(catalog: Catalog, column: DerivedColumn) -> tuple[str, ...]:
    """Return the values that a column's own contract lets it have; empty where it says nothing of them."""
    said = column.values or column.values_of is not None
    return closed_set(column, stored_fields(catalog)) if said else ()


def columns_untagged(old: Catalog, new: Catalog, hint: str) -> Iterator[Breakage]:
    """Yield columns that are no personal data any more by what their own contract says.

    One that says nothing, before and after, is what its source is: the tag of that one is told.
    """
    tagged, still = personal_columns(old), personal_columns(new)
    for before, after, table in _columns(old, new):
        column = Column(table.identifier, (after.name,))
        silent = before.personal is None and after.personal is None
        if column in tagged and column not in still and not silent:
            message = f"{column} is no longer said to be personal data"
            place = ("columns", after.name, "personal_data")
            yield broken(("column", table.identifier, after.name), table.source, place, message, hint)


def type_in(catalog: Catalog, column: DerivedColumn) -> str:
    """Return the Iceberg type of a column that means what its one source means; empty where it is computed."""
    while not column.doc and len(column.sources) == 1:
        source = column.sources[0]
        inner = {each.name: each for table in _of(catalog, source) for each in table.columns}
        if source.path[0] not in inner:
            return _stored(catalog, source)
        column = inner[source.path[0]]
    return ""


def _of(catalog: Catalog, source: Column) -> Iterator[DerivedTable]:
    yield from (table for table in catalog.derived if table.identifier == source.table)


def _stored(catalog: Catalog, source: Column) -> str:
    for table in catalog.tables:
        if table.identifier == source.table and record_of(catalog, table.record, table.version):
            known = columns_of(schema_of(catalog, table))
            path = ".".join(source.path)
            return type_of(known[path]) if path in known else ""
    return ""


def _listed(key: tuple[str, ...]) -> str:
    return " and ".join(key)


def _paired(columns: tuple[tuple[str, str], ...]) -> str:
    return _listed(tuple(here if here == there else f"{here} as {there}" for here, there in columns))


def _columns(old: Catalog, new: Catalog) -> Iterator[tuple[DerivedColumn, DerivedColumn, DerivedTable]]:
    for before, after in _both(old, new):
        names = {column.name: column for column in before.columns}
        yield from ((names[column.name], column, after) for column in after.columns if column.name in names)


def _both(old: Catalog, new: Catalog) -> Iterator[tuple[DerivedTable, DerivedTable]]:
    after = {table.identifier: table for table in new.derived}
    yield from ((table, after[table.identifier]) for table in old.derived if table.identifier in after)
