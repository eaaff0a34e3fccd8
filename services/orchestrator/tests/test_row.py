"""A record as a row: text for each column, mended where Postgres cannot hold it."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from kit.errors import Fault, Rejected
from orchestrator.row import RowWriter
from payments_contracts.database import PAYMENT_EVENTS, Column
from payments_contracts.records import Contract

TYPES = {
    "id": "text",
    "flag": "boolean",
    "count": "bigint",
    "share": "double precision",
    "price": "numeric(12,2)",
    "body": "bytea",
    "day": "date",
    "at": "timestamp with time zone",
    "parts": "jsonb",
    "note": "text",
}
TABLE = replace(
    PAYMENT_EVENTS,
    key=("id",),
    columns=tuple(Column(name, kind, required=False, add="") for name, kind in TYPES.items()),
)


class Thing(Contract):
    id: str = "a"
    flag: bool = True
    count: int = 7
    share: float = 0.5
    price: Decimal = Decimal("12.50")
    body: bytes = b"\xfb\xff\x00"
    day: date = date(2025, 3, 1)
    at: datetime = datetime(2025, 3, 1, 12, tzinfo=UTC)
    parts: dict[str, Any] | None = None
    note: str | None = None


def test_every_type_of_the_contracts_is_written_as_postgres_reads_it() -> None:
    row = RowWriter(TABLE).row(Thing(parts={"a": [1, "é", b"\xfb", Decimal("1.5"), datetime(2025, 3, 1, tzinfo=UTC)]}))
    assert row.parameters == (
        "a",
        "True",
        "7",
        "0.5",
        "12.50",
        "\\xfbff00",
        "2025-03-01",
        "2025-03-01 12:00:00+00:00",
        '{"a":[1,"é","-w==","1.5","2025-03-01T00:00:00Z"]}',
        None,
    )
    assert not row.mended


@pytest.mark.parametrize("bad", ["\x00", chr(0xD800), chr(0xDFFF)])
def test_what_postgres_cannot_hold_is_replaced_in_texts_and_in_jsonb(bad: str) -> None:
    row = RowWriter(TABLE).row(Thing(note=f"a{bad}b", parts={f"k{bad}": [f"v{bad}", {"deep": bad}]}))
    assert row.parameters[-1] == "a\ufffdb"
    assert row.parameters[-2] == '{"k\ufffd":["v\ufffd",{"deep":"\ufffd"}]}'
    assert row.mended


def test_a_text_that_spells_nul_in_letters_stays_as_it_is() -> None:
    row = RowWriter(TABLE).row(Thing(parts={"a": "\\u0000"}))
    assert row.parameters[-2] == '{"a":"\\\\u0000"}'
    assert not row.mended


def test_keys_that_become_alike_keep_a_value_each() -> None:
    row = RowWriter(TABLE).row(Thing(parts={"a\x00": 1, "a\ufffd": 2, f"a{chr(0xD800)}": 3}))
    assert row.parameters[-2] == '{"a\ufffd\ufffd":1,"a\ufffd":2,"a\ufffd\ufffd\ufffd":3}'


def test_a_key_of_the_row_is_rejected_and_not_mended() -> None:
    with pytest.raises(Rejected, match="the key id holds a character") as failure:
        RowWriter(TABLE).row(Thing(id="secret\x00"))
    assert failure.value.reason_code == "database_refused"
    assert "secret" not in failure.value.detail


def test_a_column_type_that_it_cannot_write_is_a_fault() -> None:
    column = Column("place", "point", required=False, add="")
    with pytest.raises(Fault, match="point"):
        RowWriter(replace(TABLE, columns=(column,)))
