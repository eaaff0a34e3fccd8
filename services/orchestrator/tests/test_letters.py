from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from kit.kafka import AvroEncoder, Partition
from orchestrator.letters import cut, of_event, of_record
from orchestrator.messages import DeadLetter, Position
from orchestrator.routing import Unusable
from orchestrator.source import Poison
from payments_contracts.identity import malformed_event_id
from payments_contracts.pins.orchestrator import PaymentEvent
from payments_contracts.rules import REASONS
from payments_contracts.schemas import schema
from payments_contracts.topics import NORMALIZED, VALIDATION_DLQ

MakeEvent = Callable[..., PaymentEvent]
NOW = datetime(2025, 3, 2, tzinfo=UTC)
WRITTEN = datetime(2025, 3, 1, 13, tzinfo=UTC)
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def poison(value: bytes = b"\x00\x01", key: bytes = b"merch_1", **record: object) -> Poison:
    error = Unusable("not Avro", "avro_unreadable", record)
    return Poison(Partition("t", 3), 17, key, value, error, WRITTEN)


def test_a_letter_of_an_event_holds_the_event_and_its_place(make_event: MakeEvent) -> None:
    event = make_event()
    place = Position(topic="t", partition=3, offset=17)
    letter = of_event(DeadLetter(event=event, position=place, reason_code="row_rejected", reason="why"), NOW)
    assert PaymentEvent.model_validate_json(letter.payload) == event
    assert (letter.source_topic, letter.source_partition, letter.source_offset) == ("t", 3, 17)
    assert (letter.reason_codes, letter.reasons, letter.failed_at) == (["row_rejected"], ["why"], NOW)


def test_a_letter_of_a_record_that_cannot_be_read_holds_its_bytes_and_what_kafka_says_of_it() -> None:
    letter = of_record(poison(), NOW)
    assert (letter.payload, letter.event_id) == (b"\x00\x01", malformed_event_id(b"\x00\x01"))
    assert (letter.provider, letter.merchant_id, letter.received_at) == ("unknown", "merch_1", WRITTEN)
    assert (letter.source_topic, letter.source_partition, letter.source_offset) == ("t", 3, 17)


def test_a_letter_of_a_record_tells_what_could_be_read_of_it(make_event: MakeEvent) -> None:
    event = make_event()
    letter = of_record(poison(**event.model_dump()), NOW)
    assert letter.event_id == event.event_id
    assert (letter.provider, letter.provider_event_id) == ("stripe", "evt_1")
    assert (letter.provider_event_type, letter.received_at) == ("payment.succeeded", NOON)


def test_what_a_record_says_of_itself_is_bounded_and_may_be_anything() -> None:
    letter = of_record(poison(key=b"\xff" * 9_999, event_id=7, provider="x" * 9_999, received_at="noon"), NOW)
    assert letter.event_id == malformed_event_id(b"\x00\x01")
    assert (len(letter.provider), len(letter.merchant_id), letter.received_at) == (255, 255, NOW)


def test_a_payload_that_was_cut_fits_and_says_how_much_there_was_and_where_it_is() -> None:
    size = 2_000_000
    letter = cut(of_record(poison(b"\x00" * size), NOW))
    assert letter.reason_codes == ["avro_unreadable", "payload_cut"]
    kept = VALIDATION_DLQ.max_message_bytes - 65_536
    assert len(letter.payload) == kept
    assert letter.reasons[1] == (
        f"payload: the first {kept} of {size} bytes; all are at t/3@17 until the retention of that topic"
    )
    text = schema(VALIDATION_DLQ.record, VALIDATION_DLQ.version)
    assert len(AvroEncoder(text, 1).encode(letter.model_dump())) < VALIDATION_DLQ.max_message_bytes - 2_048


@pytest.mark.parametrize("size", [0, 1, VALIDATION_DLQ.max_message_bytes - 65_536])
def test_a_payload_that_fits_is_not_cut_and_no_letter_says_that_it_was(size: int) -> None:
    letter = of_record(poison(b"\x00" * size), NOW)
    assert cut(letter) == letter


def test_a_letter_of_the_largest_record_that_its_topic_takes_fits_as_it_is() -> None:
    largest = of_record(poison(b"\xff" * NORMALIZED.max_message_bytes, key=b"m" * 255), NOW)
    text = schema(VALIDATION_DLQ.record, VALIDATION_DLQ.version)
    assert len(AvroEncoder(text, 1).encode(largest.model_dump())) < VALIDATION_DLQ.max_message_bytes - 2_048


def test_reasons_are_bounded(make_event: MakeEvent) -> None:
    refused = DeadLetter(event=make_event(), position=None, reason_code="event_refused", reason="x" * 9_999)
    assert len(of_event(refused, NOW).reasons[0]) == 1_000


def test_every_reason_is_one_of_the_contract() -> None:
    ours = {"record_empty", "wire_format", "schema_unknown", "avro_unreadable", "version_unknown", "record_invalid"}
    assert ours | {"internal_error", "payload_cut", "event_too_large", "event_refused"} <= set(REASONS)
