"""Records as rows."""

from datetime import UTC, datetime

import pytest
from archiver.rows import Place, archived_unreadable, quarantined, quarantined_unreadable
from archiver.streams import STREAMS, Stream
from kit.errors import Rejected
from kit.kafka import Message
from kit.lake import RowEncoder
from payments_contracts.identity import malformed_event_id
from payments_contracts.topics import INGESTION_DLQ, VALIDATION_DLQ, Topic, raw_topic
from pyiceberg.schema import Schema

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
COLUMNS = {
    "kafka_topic": "t",
    "kafka_partition": 2,
    "kafka_offset": 30,
    "kafka_timestamp": NOON,
}


def place(topic: Topic, value: bytes | None = b"bytes") -> Place:
    return Place(topic, Message("t", 2, 30, int(NOON.timestamp() * 1000), b"key", value))


def encoder(stream: Stream) -> RowEncoder:
    return RowEncoder(Schema.model_validate_json(stream.table.schema_json).as_arrow())


def test_an_unreadable_raw_record_is_a_row_of_its_bytes_that_the_table_takes() -> None:
    row = archived_unreadable(Rejected("odd", "avro_unreadable"), place(raw_topic("square")))
    encoder(STREAMS[0]).check(row)
    told = {name: row[name] for name in ("event_id", "provider", "payload", "received_at", "schema_version")}
    assert told == {
        "event_id": malformed_event_id(b"bytes"),
        "provider": "square",
        "payload": b"bytes",
        "received_at": NOON,
        "schema_version": 0,
    }
    assert {name: row[name] for name in COLUMNS} == COLUMNS


@pytest.mark.parametrize(("topic", "source"), [(INGESTION_DLQ, "ingestion"), (VALIDATION_DLQ, "validation")])
def test_an_unreadable_dead_letter_is_a_row_of_its_bytes_and_why(topic: Topic, source: str) -> None:
    row = quarantined_unreadable(Rejected("odd", "avro_unreadable"), place(topic, None))
    encoder(STREAMS[1]).check(row)
    assert (row["source"], row["reason_codes"], row["reasons"], row["payload"]) == (
        source,
        ["avro_unreadable"],
        ["odd"],
        b"",
    )


def test_a_gateways_dead_letter_has_its_one_reason_in_lists() -> None:
    record = {
        "event_id": "e",
        "provider": "stripe",
        "merchant_id": None,
        "stage": "decode",
        "reason_code": "invalid_json",
        "reason": "It is not JSON.",
        "headers": {"a": "b"},
        "payload": b"{",
        "received_at": NOON,
        "schema_version": 1,
    }
    row = quarantined(record, place(INGESTION_DLQ))
    encoder(STREAMS[1]).check(row)
    kept = {name: value for name, value in record.items() if name not in {"reason_code", "reason"}}
    assert row == {
        "source": "ingestion",
        **kept,
        "reason_codes": ["invalid_json"],
        "reasons": ["It is not JSON."],
        **COLUMNS,
    }


def test_every_topic_that_the_contracts_give_it_goes_into_one_table() -> None:
    topics = [topic.name for stream in STREAMS for topic in stream.topics]
    assert len(set(topics)) == len(topics)
    assert {raw_topic("stripe").name, INGESTION_DLQ.name, VALIDATION_DLQ.name} <= set(topics)
    assert all("archiver" in topic.consumers for stream in STREAMS for topic in stream.topics)
