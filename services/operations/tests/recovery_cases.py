"""Events of the recovery, a Kafka in memory, and what every source of events does; for tests."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from kit.errors import Rejected
from kit.kafka import Message
from operations.recovery.events import Failure, Position, RawEvent
from operations.recovery.filters import Filter
from payments_contracts.pins.operations import ProviderEvent
from payments_contracts.records import QuarantinedEventV1 as QuarantinedEvent
from payments_contracts.topics import INGESTION_DLQ, NORMALIZED, STRIPE_RAW, VALIDATION_DLQ

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from operations.recovery.sources import Source

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def raw(number: int, **changes: Any) -> RawEvent:
    """Return the event that was received `number` hours after noon, at a place of its own."""
    place = changes.pop("position", Position(STRIPE_RAW.name, 0, number))
    record = ProviderEvent(
        event_id=str(uuid.UUID(int=number)),
        provider="stripe",
        provider_event_id=f"evt_{number}",
        provider_event_type="payment_intent.succeeded",
        merchant_id="merch_1",
        payload=f'{{"id": "evt_{number}"}}'.encode(),
        received_at=NOON + number * HOUR,
        schema_version=STRIPE_RAW.version,
        headers={"stripe-signature": "t=1,v1=secret"},
        provider_created_at=NOON,
        livemode=True,
    )
    return RawEvent(record.model_copy(update=changes), "topic", place)


def failure(number: int, **changes: Any) -> Failure:
    """Return the dead letter of that event, written a minute after it was received."""
    source = changes.pop("read_from", Position(STRIPE_RAW.name, 0, number))
    event = raw(number).record
    record = QuarantinedEvent(
        **{name: value for name, value in event if name in QuarantinedEvent.model_fields and name != "headers"},
        source="validation",
        reason_codes=["amount_missing"],
        reasons=["amount_cents: is missing"],
        headers={},
        source_topic=source.topic,
        source_partition=source.partition,
        source_offset=source.offset,
        failed_at=event.received_at + MINUTE,
        kafka_topic=VALIDATION_DLQ.name,
        kafka_partition=0,
        kafka_offset=number,
        kafka_timestamp=event.received_at + MINUTE,
    )
    return Failure(record.model_copy(update={"schema_version": 1} | changes), "topic")


def refused(number: int, **changes: Any) -> Failure:
    """Return the dead letter of a body that the gateway could not read."""
    event = raw(number).record
    record = QuarantinedEvent(
        event_id=event.event_id,
        source="ingestion",
        stage="decode",
        provider="stripe",
        merchant_id="merch_1",
        reason_codes=["not_json"],
        reasons=["The body is not JSON."],
        headers={"stripe-signature": "t=1,v1=secret"},
        payload=b"{",
        received_at=event.received_at,
        schema_version=1,
        kafka_topic=INGESTION_DLQ.name,
        kafka_partition=0,
        kafka_offset=number,
        kafka_timestamp=event.received_at,
    )
    return Failure(record.model_copy(update=changes), "topic")


class MemoryScan:
    """Topics in memory, whose records are the very objects; `forget` drops the oldest, as retention does."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.records: dict[bytes, dict[str, Any]] = {}

    def put(self, position: Position, timestamp: datetime, record: Mapping[str, Any]) -> None:
        value = str(position).encode()
        self.records[value] = dict(record)
        milliseconds = int(timestamp.timestamp() * 1000)
        message = Message(position.topic, position.partition, position.offset, milliseconds, b"key", value)
        self.messages = sorted([*self.messages, message], key=lambda each: each.offset)

    def decode(self, value: bytes) -> dict[str, Any]:
        if value not in self.records:
            raise Rejected("not a record", "avro_unreadable")
        return self.records[value]

    def forget(self, topic: str, before: int) -> None:
        self.messages = [each for each in self.messages if each.topic != topic or each.offset >= before]

    def scan(self, topic: str, since: datetime | None = None, until: datetime | None = None) -> Iterator[Message]:
        for message in self.messages:
            moment = datetime.fromtimestamp(message.timestamp / 1000, UTC)
            if message.topic == topic and (since is None or moment >= since) and (until is None or moment < until):
                yield message

    def at(self, places: Collection[Position]) -> Iterator[Message]:
        yield from (each for each in self.messages if Position(each.topic, each.partition, each.offset) in places)

    def held_since(self, topic: str) -> datetime:
        first = next(self.scan(topic), None)
        return datetime.now(UTC) if first is None else datetime.fromtimestamp(first.timestamp / 1000, UTC)

    def held(self, topic: str) -> dict[int, range]:
        offsets: dict[int, list[int]] = {}
        for each in self.messages:
            if each.topic == topic:
                offsets.setdefault(each.partition, []).append(each.offset)
        return {number: range(min(found), max(found) + 1) for number, found in offsets.items()}


def dead_letter_record(failure: Failure) -> dict[str, Any]:
    """Return a dead letter as its topic has it."""
    record = failure.record.model_dump()
    place = {name for name in record if name.startswith("kafka_")}
    if failure.source is not None:
        return {name: value for name, value in record.items() if name not in {*place, "source", "stage", "headers"}}
    (code,), (reason,) = record["reason_codes"], record["reasons"]
    never_read = {name for name in record if name.startswith(("source", "provider_", "reason")) or name == "failed_at"}
    kept = {name: value for name, value in record.items() if name not in place | never_read}
    return kept | {"reason_code": code, "reason": reason}


def raw_row(event: RawEvent) -> dict[str, Any]:
    """Return a raw event as a row of the archive."""
    place = event.position
    assert place is not None
    return event.record.model_dump() | {
        "kafka_topic": place.topic,
        "kafka_partition": place.partition,
        "kafka_offset": place.offset,
        "kafka_timestamp": event.received_at,
    }


class SourceBehaviour:
    """What every source does. Subclass it where the fixture `source` holds EVENTS and FAILURES."""

    EVENTS = (
        raw(0),
        raw(1, merchant_id="merch_2"),
        raw(30, provider_event_type="charge.failed", schema_version=1, livemode=None),
    )
    FAILURES = (
        failure(0),
        refused(1, merchant_id=None),
        failure(30, reason_codes=["currency_unknown", "amount_missing"], reasons=["a", "b"]),
        failure(31, read_from=Position(NORMALIZED.name, 3, 7), reason_codes=["row_rejected"], reasons=["c"]),
    )

    def test_all_events_are_found_as_they_were_kept(self, source: Source) -> None:
        assert bare_events(source.raw(Filter())) == bare_events(self.EVENTS)

    def test_all_dead_letters_are_found_with_their_reasons_and_places(self, source: Source) -> None:
        assert bare_failures(source.failures(Filter())) == bare_failures(self.FAILURES)

    @pytest.mark.parametrize(
        ("which", "events", "failures"),
        [
            (Filter(merchants=frozenset({"merch_2"})), [1], []),
            (Filter(event_ids=frozenset({raw(30).event_id, raw(31).event_id})), [30], [30, 31]),
            (Filter(since=NOON + HOUR, until=NOON + 30 * HOUR), [1], [1]),
            (Filter(since=NOON + 30 * HOUR), [30], [30, 31]),
            (Filter(providers=frozenset({"square"})), [], []),
            (Filter(event_types=frozenset({"charge.failed"})), [30], []),
            (Filter(contract_version=1), [30], [0, 1, 30, 31]),
            (Filter(reasons=frozenset({"amount_missing"})), [], [0, 30]),
            (Filter(quarantined_since=NOON + 30 * HOUR + MINUTE), [], [30, 31]),
        ],
        ids=str,
    )
    def test_a_filter_covers(self, source: Source, which: Filter, events: list[int], failures: list[int]) -> None:
        assert sorted(numbers(source.raw(which))) == events
        assert sorted(numbers(source.failures(which))) == failures

    def test_dead_letters_are_found_without_their_bodies(self, source: Source) -> None:
        found = list(source.failures(Filter(), bodies=False))
        assert all(each.left_out is not None for each in found)
        assert {(each.record.payload, *each.record.headers) for each in found} == {(b"",)}
        assert without_bodies(found) == without_bodies(self.FAILURES)
        assert bare_failures(source.letters(found)) == bare_failures(self.FAILURES)

    def test_a_dead_letter_is_read_again_with_its_body(self, source: Source) -> None:
        (wanted,) = (each for each in source.failures(Filter()) if numbers([each]) == [30])
        assert list(source.letters([wanted.bare()])) == [wanted]
        assert wanted.record.payload

    def test_events_are_found_at_their_places(self, source: Source) -> None:
        places = [Position(STRIPE_RAW.name, 0, 30), Position(STRIPE_RAW.name, 0, 2), Position(STRIPE_RAW.name, 1, 0)]
        assert list(numbers(source.at(places, Filter(since=NOON, until=NOON + 40 * HOUR)))) == [30]


def numbers(events: Iterator[RawEvent] | Iterator[Failure] | Sequence[Failure]) -> list[int]:
    return [uuid.UUID(event.event_id).int for event in events]


def bare_events(events: Iterator[RawEvent] | Sequence[RawEvent]) -> list[RawEvent]:
    """Return events in order, without where they were found."""
    return sorted((replace(event, origin="topic", value=None) for event in events), key=lambda event: event.event_id)


def without_bodies(failures: Sequence[Failure]) -> list[Failure]:
    return [replace(each.bare(), left_out=None) for each in bare_failures(failures)]


def bare_failures(failures: Iterator[Failure] | Sequence[Failure]) -> list[Failure]:
    """Return dead letters in order, without where they were found."""
    return sorted((replace(each, origin="topic") for each in failures), key=lambda each: each.event_id)
