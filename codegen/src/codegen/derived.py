"""Tables that are made from tables: which columns they have, and which columns each of them is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codegen.maintenance import maintenance

if TYPE_CHECKING:
    from codegen.document import Document
    from codegen.maintenance import Maintenance

LAYERS = ("bronze", "silver", "gold")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table, or a member inside one, as `silver.payments.amount` or `bronze.payments.retry.delay`."""

    table: str
    path: tuple[str, ...]

    def __str__(self) -> str:
        """Return it as it is written in a contract."""
        return ".".join((self.table, *self.path))


@dataclass(frozen=True, slots=True)
class DerivedColumn:
    """A column and what its values are made from; without a doc of its own it means what its one source means."""

    name: str
    doc: str
    sources: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class DerivedTable:
    """A table of Silver or Gold."""

    namespace: str
    name: str
    description: str
    owner: str
    writer: str
    key: tuple[str, ...]
    columns: tuple[DerivedColumn, ...]
    maintenance: Maintenance | None
    source: Document

    @property
    def identifier(self) -> str:
        """Return the table's name with its namespace."""
        return f"{self.namespace}.{self.name}"


def read_column(text: str) -> Column:
    """Return the column that a text such as `bronze.payments.amount` names."""
    namespace, table, *path = text.split(".")
    return Column(f"{namespace}.{table}", tuple(path))


def derived(document: Document) -> DerivedTable:
    """Return the derived table that a file declares, whose shape meta/derived.schema.json has approved."""
    data = document.data
    namespace, _, name = data["name"].partition(".")
    return DerivedTable(
        namespace=namespace,
        name=name,
        description=data["description"],
        owner=data["owner"],
        writer=data["writer"],
        key=tuple(data["key"]),
        columns=tuple(
            DerivedColumn(column, each.get("doc", ""), tuple(read_column(source) for source in each["from"]))
            for column, each in data["columns"].items()
        ),
        maintenance=maintenance(data),
        source=document,
    )
