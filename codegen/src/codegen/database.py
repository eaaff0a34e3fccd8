"""Tables of the operational database: what is in them, what identifies a row, by what they are looked up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codegen.document import Document


@dataclass(frozen=True, slots=True)
class IndexColumn:
    """A column of an index; `order` is `ascending` or `descending`, `key` names the entry where the field is a map."""

    field: str
    order: str
    key: str | None = None

    def __str__(self) -> str:
        """Return it as people speak of it."""
        name = self.field if self.key is None else f"{self.field}[{self.key}]"
        return name if self.order == "ascending" else f"{name} {self.order}"


@dataclass(frozen=True, slots=True)
class Index:
    """An index: what its columns find quickly is its description. Rows that lack the entry of a map are not in it."""

    name: str
    description: str
    columns: tuple[IndexColumn, ...]


@dataclass(frozen=True, slots=True)
class DatabaseTable:
    """A table of the operational database that holds a record version, and the one service that writes it."""

    name: str
    description: str
    record: str
    version: int
    owner: str
    writer: str
    key: tuple[str, ...]
    indexes: tuple[Index, ...]
    source: Document


def database_table(document: Document, version: int) -> DatabaseTable:
    """Return the table that a file declares, of this version of its record; the meta schema approved its shape."""
    data = document.data
    return DatabaseTable(
        name=data["name"],
        description=data["description"],
        record=data["record"],
        version=version,
        owner=data["owner"],
        writer=data["writer"],
        key=tuple(data["key"]),
        indexes=tuple(
            Index(name, each["description"], tuple(IndexColumn(**column) for column in each["columns"]))
            for name, each in data["indexes"].items()
        ),
        source=document,
    )
