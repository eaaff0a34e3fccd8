"""A scored payment as a row of the operational database: text for each column, mended where Postgres needs it.

Postgres holds no U+0000 in text or jsonb, and no half of a surrogate pair. Both become U+FFFD, in keys of objects too;
the lake keeps the original.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from kit.errors import Fault, Rejected
from payments_contracts.database import Table
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NUL_IN_JSON = "\\u0000"
_REPLACEMENT = "\ufffd"

REFUSED = "database_refused"
"""The reason code of a row that Postgres does not take."""


@dataclass(frozen=True, slots=True)
class Row:
    """The parameters of an insert, as Postgres reads them, and whether any of them was mended."""

    parameters: tuple[str | None, ...]
    mended: bool


class RowWriter:
    """Makes rows of a table's record.

    Every parameter is a text whose type Postgres takes from the column: so one prepared statement serves all rows,
    whichever of their columns are null.
    """

    def __init__(self, table: Table) -> None:
        """Take the table; raises Fault where a column has a type that no row could be written with."""
        self._columns = [(column.name, _writer(column.type), column.name in table.key) for column in table.columns]

    def row(self, record: BaseModel) -> Row:
        """Return a record as a row.

        Raises:
            Rejected: A key holds a character that Postgres does not: mended, it could be another row's.
        """
        # Not as JSON: Pydantic would mend keys by itself, and make one of two that then are alike.
        values = record.model_dump()
        parameters: list[str | None] = []
        mended = False
        for name, write, is_key in self._columns:
            value = values[name]
            if value is None:
                parameters.append(None)
                continue
            text, changed = write(value)
            if changed and is_key:
                raise Rejected(f"the key {name} holds a character that the operational database cannot", REFUSED)
            mended |= changed
            parameters.append(text)
        return Row(tuple(parameters), mended)


_Writer = Callable[[Any], tuple[str, bool]]


def _writer(kind: str) -> _Writer:
    """Return what writes the values of a type; raises Fault where there is none."""
    match kind.partition("(")[0]:
        case "text":
            return _text
        case "jsonb":
            return _json
        case "bytea":
            return _bytes
        case "boolean" | "bigint" | "double precision" | "numeric" | "date" | "timestamp with time zone":
            return _plain
    raise Fault(f"the contract has the column type {kind}, which orchestrator.row cannot write: add it there")


def _plain(value: object) -> tuple[str, bool]:
    return str(value), False


def storable(text: str) -> str:
    """Return a text as a row holds it, by which the row can be found again."""
    return _text(text)[0]


def _text(value: str) -> tuple[str, bool]:
    if _UNSTORABLE.search(value) is None:
        return value, False
    return _UNSTORABLE.sub(_REPLACEMENT, value), True


def _bytes(value: bytes) -> tuple[str, bool]:
    return f"\\x{value.hex()}", False


def _json(value: object) -> tuple[str, bool]:
    text = _dumped(value)
    if _NUL_IN_JSON not in text and _UNSTORABLE.search(text) is None:
        return text, False
    # A backslash before `u0000` in a text looks alike in JSON, and needs no mending.
    mended = _mended(value)
    return _dumped(mended), mended != value


def _dumped(value: object) -> str:
    # Bytes, times and decimals inside become what Pydantic makes of them.
    return json.dumps(
        value, ensure_ascii=False, separators=(",", ":"), default=partial(to_jsonable_python, bytes_mode="base64")
    )


def _mended(value: object) -> object:
    match value:
        case str():
            return _text(value)[0]
        case list():
            return [_mended(each) for each in value]
        case dict():
            found: dict[str, object] = {}
            for key, each in value.items():
                free = _text(key)[0]
                while free in found or (free != key and free in value):
                    free += _REPLACEMENT
                found[free] = _mended(each)
            return found
    return value
