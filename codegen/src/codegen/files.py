"""Files that one program writes and others read, such as the simulator's ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codegen.document import Document


@dataclass(frozen=True, slots=True)
class RecordFile:
    """A file that holds a record version in each line, the one service that writes it, and those that read it."""

    name: str
    description: str
    record: str
    version: int
    owner: str
    writer: str
    readers: tuple[str, ...]
    source: Document


def record_file(document: Document) -> RecordFile:
    """Return the file that a contract declares, whose shape meta/file.schema.json has approved."""
    data = document.data
    return RecordFile(
        name=data["name"],
        description=data["description"],
        record=data["record"],
        version=data["version"],
        owner=data["owner"],
        writer=data["writer"],
        readers=tuple(data["readers"]),
        source=document,
    )
