"""Tables that are made from tables: which columns they have, and which columns each of them is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codegen.findings import ContractError
from codegen.maintenance import maintenance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codegen.document import Document
    from codegen.maintenance import Maintenance
    from codegen.staging import Staged

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
    """A column and what its values are made from; without a doc of its own it means what its one source means.

    Its values are in the closed set of the column `values_of`, or one of `values`, where there are any. `personal` is
    None where the contract does not say whether they tell who somebody is.
    """

    name: str
    doc: str
    sources: tuple[Column, ...]
    values: tuple[str, ...] = ()
    values_of: Column | None = None
    personal: bool | None = None


@dataclass(frozen=True, slots=True)
class Pointer:
    """Rows of a table that each of this table's rows points to: pairs of a column here and a column there."""

    table: str
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class DerivedTable:
    """A table of Silver or Gold; `passed` are the columns that it takes as they are, which are its first ones.

    `required` are the columns that are never null, those of the key first.
    """

    namespace: str
    name: str
    description: str
    owner: str
    writer: str
    key: tuple[str, ...]
    columns: tuple[DerivedColumn, ...]
    passed: tuple[str, ...]
    required: tuple[str, ...]
    references: tuple[Pointer, ...]
    is_view: bool
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


def derived(document: Document, views: Mapping[str, Sequence[Staged]]) -> DerivedTable:
    """Return the derived table that a file declares, whose shape meta/derived.schema.json has approved.

    With `passes` it has every column of a table's view that it does not make itself, under its name in the view.

    Args:
        document: The file.
        views: The columns of the view of each table that has one, by the table's name.

    Raises:
        ContractError: There is no such view.
    """
    data = document.data
    passes = data.get("passes")
    if passes is not None and passes not in views:
        message, hint = f"{passes} has no view whose columns could be passed on", "declare `staging` in its file"
        raise ContractError((document.finding("lineage", ("passes",), message, hint),))
    passed = [each for each in views[passes] if each.name not in data["columns"]] if passes is not None else []
    namespace, _, name = data["name"].partition(".")
    return DerivedTable(
        namespace=namespace,
        name=name,
        description=data["description"],
        owner=data["owner"],
        writer=data["writer"],
        key=tuple(data["key"]),
        columns=(
            *(DerivedColumn(each.name, "", (Column(passes, each.path),)) for each in passed),
            *(
                DerivedColumn(
                    column,
                    each.get("doc", ""),
                    tuple(read_column(source) for source in each["from"]),
                    tuple(each.get("values", ())),
                    read_column(each["values_of"]) if "values_of" in each else None,
                    each.get("personal_data"),
                )
                for column, each in data["columns"].items()
            ),
        ),
        passed=tuple(each.name for each in passed),
        required=tuple(dict.fromkeys((*data["key"], *data.get("required", ())))),
        references=tuple(
            Pointer(table, tuple(columns.items())) for table, columns in data.get("references", {}).items()
        ),
        is_view=data.get("view", False),
        maintenance=maintenance(data),
        source=document,
    )
