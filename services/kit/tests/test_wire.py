"""The Confluent wire format, held against fastavro."""

import io
import json
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.errors import Rejected
from kit.kafka import AvroDecoder, AvroEncoder

WRITER = json.dumps(
    {
        "type": "record",
        "name": "thing",
        "fields": [
            {"name": "id", "type": "string"},
            {"name": "payload", "type": "bytes"},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
            {"name": "note", "type": ["null", "string"], "default": None},
        ],
    }
)
READER = json.dumps(
    {
        "type": "record",
        "name": "thing",
        "fields": [
            {"name": "id", "type": "string"},
            {"name": "payload", "type": "bytes"},
            {"name": "added", "type": ["null", "int"], "default": None},
        ],
    }
)
RECORD: dict[str, Any] = {"id": "a", "payload": b"\x00", "at": 1_700_000_000_000, "note": None}


class Schemas:
    """A registry that holds one schema, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def text(self, schema_id: int) -> str:
        self.asked += 1
        if schema_id != 7:
            raise Rejected("no such schema", "schema_unknown")
        return WRITER


def rejection(value: bytes) -> str:
    with pytest.raises(Rejected) as caught:
        AvroDecoder(Schemas(), WRITER).decode(value)
    return caught.value.reason_code


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "id": st.text(),
            "payload": st.binary(),
            "at": st.integers(0, 4_102_444_800_000),
            "note": st.none() | st.text(),
        }
    )
)
def test_message_is_a_zero_byte_the_id_and_what_fastavro_writes(record: dict[str, Any]) -> None:
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(json.loads(WRITER)), record)
    assert AvroEncoder(WRITER, 7).encode(record) == b"\x00\x00\x00\x00\x07" + body.getvalue()


@settings(deadline=None)
@given(st.text(), st.binary())
def test_reader_sees_a_record_as_its_pinned_schema_has_it(text: str, payload: bytes) -> None:
    message = AvroEncoder(WRITER, 7).encode(RECORD | {"id": text, "payload": payload})
    assert AvroDecoder(Schemas(), READER).decode(message) == {"id": text, "payload": payload, "added": None}


def test_asks_for_a_writers_schema_once() -> None:
    schemas = Schemas()
    decoder = AvroDecoder(schemas, READER)
    for _ in range(3):
        decoder.decode(AvroEncoder(WRITER, 7).encode(RECORD))
    assert schemas.asked == 1


@pytest.mark.parametrize("value", [b"", b"\x00\x00\x00", b"\x01\x00\x00\x00\x07a", b"{}     "])
def test_rejects_what_does_not_begin_with_zero_and_an_id(value: bytes) -> None:
    assert rejection(value) == "wire_format"


def test_rejects_an_id_that_the_registry_does_not_know() -> None:
    assert rejection(b"\x00\x00\x00\x00\x08a") == "schema_unknown"


@settings(deadline=None)
@given(st.integers(0, len(AvroEncoder(WRITER, 7).encode(RECORD)) - 6))
def test_rejects_a_record_that_was_cut_off(length: int) -> None:
    assert rejection(AvroEncoder(WRITER, 7).encode(RECORD)[: 5 + length]) == "avro_unreadable"


def test_rejects_bytes_after_the_record() -> None:
    assert rejection(AvroEncoder(WRITER, 7).encode(RECORD) + b"\x00") == "avro_unreadable"


@pytest.mark.parametrize(
    "record",
    [
        {key: value for key, value in RECORD.items() if key != "id"},
        RECORD | {"surplus": 1},
        RECORD | {"id": 5},
        RECORD | {"id": None},
    ],
)
def test_refuses_to_write_a_record_that_does_not_fit(record: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        AvroEncoder(WRITER, 7).encode(record)


@pytest.mark.parametrize("text", ["syntax = 'proto3';", '{"type": "object"}', '{"type": "record"}'])
def test_rejects_a_record_of_a_schema_that_is_none_of_avro(text: str) -> None:
    class OfAnotherKind:
        def text(self, schema_id: int) -> str:
            return text

    with pytest.raises(Rejected) as error:
        AvroDecoder(OfAnotherKind(), WRITER).decode(b"\x00\x00\x00\x00\x07a")
    assert error.value.reason_code == "schema_unknown"
