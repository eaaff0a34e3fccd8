"""The view over a table of Bronze that models read: its columns under the names that models use, and nothing else.

A column that the view is not told about has its own name in it, so that a new one arrives without an edit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codegen.avro import walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.avro import Field, Record


@dataclass(frozen=True, slots=True)
class Staging:
    """The view of a table; `columns` are those with another name, or inside a record: the path of each by its name."""

    name: str
    description: str
    columns: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Staged:
    """A column of the view, and where the table has it."""

    name: str
    path: tuple[str, ...]
    field: Field


def staging(data: Mapping[str, Any]) -> Staging | None:
    """Return the view that a table's file declares, whose shape the meta schema has approved; None without one."""
    declared = data.get("staging")
    if declared is None:
        return None
    columns = {name: tuple(path.split(".")) for name, path in declared["columns"].items()}
    return Staging(declared["name"], declared["description"], columns)


def staged(view: Staging, record: Record) -> Iterator[Staged]:
    """Yield the columns of a view over a table of this record, in the record's order; what is not there is left out."""
    fields = dict(walk(record))
    for field in record.fields:
        told = [(name, path) for name, path in view.columns.items() if path[0] == field.name]
        for name, path in told or [(field.name, (field.name,))]:
            if path in fields:
                yield Staged(name, path, fields[path])
