from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from kit.errors import Fault, Rejected
from kit.lake.rows import RowEncoder

SCHEMA = pa.schema(
    [
        pa.field("id", pa.large_string(), nullable=False),
        pa.field("note", pa.string()),
        pa.field("amount", pa.int64(), nullable=False),
        pa.field("small", pa.int32()),
        pa.field("score", pa.float64()),
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("tags", pa.large_list(pa.field("element", pa.string(), nullable=False)), nullable=False),
        pa.field("extra", pa.map_(pa.string(), pa.string()), nullable=False),
        pa.field("advice", pa.struct([pa.field("retry", pa.bool_(), nullable=False), pa.field("delay", pa.int32())])),
    ]
)
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
ROW: Mapping[str, object] = {
    "id": "a",
    "note": None,
    "amount": 5,
    "small": 1,
    "score": 0.5,
    "at": NOON,
    "tags": ["x"],
    "extra": {"k": "v"},
    "advice": {"retry": True, "delay": 60},
}


def test_encodes_nested_values_and_times() -> None:
    row = {**ROW, "at": NOON.astimezone(timezone(timedelta(hours=5)))}
    table = RowEncoder(SCHEMA).encode([row])
    assert table.schema == SCHEMA
    assert table.to_pylist(maps_as_pydicts="strict") == [{**ROW}]


def test_takes_a_missing_optional_column_as_null() -> None:
    row = {name: value for name, value in ROW.items() if name != "note"}
    encoder = RowEncoder(SCHEMA)
    encoder.check(row)
    assert encoder.encode([row]).column("note").to_pylist() == [None]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"amount": None}, "column amount takes an integer, not NoneType"),
        ({"amount": "5"}, "column amount takes an integer, not str"),
        ({"amount": True}, "column amount takes an integer, not bool"),
        ({"amount": 2**63}, "column amount takes 64-bit integers"),
        ({"small": 2**31}, "column small takes 32-bit integers"),
        ({"score": "high"}, "column score takes double"),
        ({"score": True}, "column score takes double"),
        ({"at": "2025-03-01"}, "column at takes a time with a time zone, not str"),
        ({"at": datetime(2025, 3, 1)}, "column at takes a time with a time zone"),  # noqa: DTZ001  # the point
        ({"tags": "x"}, "column tags takes a list"),
        ({"tags": [None]}, "column tags takes string"),
        ({"extra": ["k"]}, "column extra takes a map"),
        ({"extra": {"k": 1}}, "column extra takes string"),
        ({"advice": "yes"}, "column advice takes an object"),
        ({"advice": {"delay": 1}}, r"column advice\.retry takes bool"),
        ({"advice": {"retry": True, "when": 1}}, r"column advice\.when is not in the table"),
        ({"surprise": 1}, "column surprise is not in the table"),
    ],
)
def test_refuses_a_row_that_does_not_fit_and_names_the_column(change: dict[str, object], words: str) -> None:
    with pytest.raises(Rejected, match=words):
        RowEncoder(SCHEMA).check({**ROW, **change})


def test_never_says_the_value_of_a_refused_row() -> None:
    with pytest.raises(Rejected) as refusal:
        RowEncoder(SCHEMA).check({**ROW, "amount": "4242-secret"})
    assert "secret" not in str(refusal.value)


def test_refuses_a_column_type_that_it_does_not_know() -> None:
    with pytest.raises(Fault, match="column weird has type"):
        RowEncoder(pa.schema([pa.field("weird", pa.duration("s"))]))
