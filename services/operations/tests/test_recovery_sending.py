"""What is written again is read as it was, through the wire format and the contracts' own schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kit.kafka import AvroDecoder, AvroEncoder, Message
from kit.registry import RegisteredSchema
from operations.recovery.filters import Filter
from operations.recovery.sending import Sender
from operations.recovery.topics import Names, TopicSource, raw_event
from payments_contracts.schemas import schema
from payments_contracts.topics import INGESTION_DLQ, STRIPE_RAW, VALIDATION_DLQ, Topic

from .recovery_cases import MemoryScan, bare_events, bare_failures, dead_letter_record, failure, raw, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operations.recovery.events import Position


class OneSchema:
    """A registry that has one schema of everything."""

    def __init__(self, topic: Topic, version: int | None = None) -> None:
        self._text = schema(topic.record, version or topic.version)

    def text(self, schema_id: int) -> str:
        assert schema_id == 7
        return self._text

    def lookup(self, subject: str, version: int, text: str) -> RegisteredSchema:
        assert text == self._text
        return RegisteredSchema(subject, version, 7, text)


def decoder(topic: Topic, written: int | None = None) -> AvroDecoder:
    return AvroDecoder(OneSchema(topic, written), schema(topic.record, topic.version))


@pytest.mark.parametrize(
    "changes", [{}, {"livemode": None, "provider_created_at": None, "api_version": "2025"}], ids=str
)
def test_a_record_that_is_encoded_again_is_read_as_it_was(changes: dict[str, object]) -> None:
    event = raw(3, **changes)
    sender = Sender("nobody:1", OneSchema(STRIPE_RAW))  # type: ignore[arg-type]  # as much of one as is needed
    value = sender._encode(event)
    message = Message(STRIPE_RAW.name, 0, 3, 0, b"merch_1", value)
    found = raw_event(message, decoder(STRIPE_RAW).decode(value))
    assert found.record == event.record
    assert (found.value, found.position) == (value, event.position)


def test_an_archived_record_of_an_older_version_is_encoded_as_one_of_today() -> None:
    sender = Sender("nobody:1", OneSchema(STRIPE_RAW))  # type: ignore[arg-type]  # as above
    record = decoder(STRIPE_RAW).decode(sender._encode(raw(3, schema_version=1, livemode=None)))
    assert (record["schema_version"], record["livemode"]) == (STRIPE_RAW.version, None)


def test_dead_letters_are_read_from_their_bytes() -> None:
    written = [failure(1), refused(2), failure(3, merchant_id="merch_2")]

    class Bytes(MemoryScan):
        def scan(self, topic: str, since: object = None, until: object = None) -> Iterator[Message]:
            del since, until
            for each in written:
                if each.position.topic == topic:
                    of = INGESTION_DLQ if topic == INGESTION_DLQ.name else VALIDATION_DLQ
                    value = AvroEncoder(schema(of.record, of.version), 7).encode(dead_letter_record(each))
                    moment = int(each.recorded_at.timestamp() * 1000)
                    place: Position = each.position
                    yield Message(topic, place.partition, place.offset, moment, b"key", value)

    source = TopicSource(
        Bytes(),
        Names.of(["stripe"]),
        raw=decoder(STRIPE_RAW),
        ingestion=decoder(INGESTION_DLQ),
        validation=decoder(VALIDATION_DLQ),
    )
    assert bare_failures(source.failures(Filter())) == bare_failures(written)
    assert source.unreadable == 0


def test_raw_records_of_the_first_version_are_read_too() -> None:
    event = raw(4, schema_version=1, livemode=None)
    known = {name: value for name, value in event.record if name != "livemode"}
    value = AvroEncoder(schema(STRIPE_RAW.record, 1), 7).encode(known)
    message = Message(STRIPE_RAW.name, 0, 4, 0, b"merch_1", value)
    assert bare_events([raw_event(message, decoder(STRIPE_RAW, 1).decode(value))]) == [event]
