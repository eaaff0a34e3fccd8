"""Events of the recovery, a Kafka in memory, and what every source of events does; for tests."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from kit.errors import Rejected
from kit.kafka import Message
from operations.recovery.events import Failure, Position, RawEvent, stage_of
from operations.recovery.filters import Filter
from operations.recovery.sending import record_of
from payments_contracts.topics import INGESTION_DLQ, NORMALIZED, STRIPE_RAW, VALIDATION_DLQ

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from operations.recovery.sources import Source

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def raw(number: int, **changes: Any) -> RawEvent:
    """Return the event that was received `number` hours after noon, at a place of its own."""
    event = RawEvent(
        event_id=str(uuid.UUID(int=number)),
        provider="stripe",
        provider_event_id=f"evt_{number}",
        event_type="payment_intent.succeeded",
        merchant_id="merch_1",
        payload=f'{{"id": "evt_{number}"}}'.encode(),
        received_at=NOON + number * HOUR,
        schema_version=STRIPE_RAW.version,
        api_version=None,
        headers={"stripe-signature": "t=1,v1=secret"},
        provider_created_at=NOON,
        livemode=True,
        origin="topic",
        position=Position(STRIPE_RAW.name, 0, number),
    )
    return replace(event, **changes)


def failure(number: int, **changes: Any) -> Failure:
    """Return the dead letter of that event, written a minute after it was received."""
    source = changes.get("source", Position(STRIPE_RAW.name, 0, number))
    event = raw(number)
    dead_letter = Failure(
        event_id=event.event_id,
        provider="stripe",
        provider_event_id=event.provider_event_id,
        event_type=event.event_type,
        merchant_id="merch_1",
        stage=stage_of(source, NORMALIZED.name),
        reason_codes=("amount_missing",),
        reasons=("amount_cents: is missing",),
        headers={},
        payload=event.payload,
        source=source,
        received_at=event.received_at,
        recorded_at=event.received_at + timedelta(minutes=1),
        schema_version=1,
        position=Position(VALIDATION_DLQ.name, 0, number),
        origin="topic",
    )
    return replace(dead_letter, **changes)


def refused(number: int, **changes: Any) -> Failure:
    """Return the dead letter of a body that the gateway could not read."""
    event = failure(number)
    dead_letter = replace(
        event,
        provider_event_id=None,
        event_type=None,
        stage="gateway",
        reason_codes=("not_json",),
        reasons=("The body is not JSON.",),
        headers={"stripe-signature": "t=1,v1=secret"},
        payload=b"{",
        source=None,
        recorded_at=event.received_at,
        position=Position(INGESTION_DLQ.name, 0, number),
    )
    return replace(dead_letter, **changes)


class MemoryScan:
    """Topics in memory, whose records are the very objects; `forget` drops the oldest, as retention does."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.records: dict[bytes, dict[str, Any]] = {}
        self.starts: dict[str, int] = {}

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
        self.starts[topic] = before
        self.messages = [each for each in self.messages if each.topic != topic or each.offset >= before]

    def scan(self, topic: str, since: datetime | None = None, until: datetime | None = None) -> Iterator[Message]:
        for message in self.messages:
            moment = datetime.fromtimestamp(message.timestamp / 1000, UTC)
            if message.topic == topic and (since is None or moment >= since) and (until is None or moment < until):
                yield message

    def at(self, places: Collection[Position]) -> Iterator[Message]:
        yield from (each for each in self.messages if Position(each.topic, each.partition, each.offset) in places)

    def held_since(self, topic: str) -> datetime | None:
        if topic not in self.starts:
            return None
        return datetime.fromtimestamp(next(self.scan(topic)).timestamp / 1000, UTC)


def dead_letter_record(failure: Failure) -> dict[str, Any]:
    """Return a dead letter as its topic has it."""
    shared = {
        "event_id": failure.event_id,
        "provider": failure.provider,
        "merchant_id": failure.merchant_id,
        "payload": failure.payload,
        "received_at": failure.received_at,
        "schema_version": failure.schema_version,
    }
    if failure.source is None:
        (code,), (reason,) = failure.reason_codes, failure.reasons
        return shared | {"stage": "decode", "reason_code": code, "reason": reason, "headers": dict(failure.headers)}
    return shared | {
        "provider_event_id": failure.provider_event_id,
        "provider_event_type": failure.event_type,
        "reason_codes": list(failure.reason_codes),
        "reasons": list(failure.reasons),
        "source_topic": failure.source.topic,
        "source_partition": failure.source.partition,
        "source_offset": failure.source.offset,
        "failed_at": failure.recorded_at,
    }


def raw_row(event: RawEvent) -> dict[str, Any]:
    """Return a raw event as a row of the archive."""
    place = event.position
    assert place is not None
    return record_of(event, event.schema_version) | {
        "kafka_topic": place.topic,
        "kafka_partition": place.partition,
        "kafka_offset": place.offset,
        "kafka_timestamp": event.received_at,
    }


def quarantine_row(failure: Failure) -> dict[str, Any]:
    """Return a dead letter as a row of the archive."""
    source = failure.source
    return {
        "event_id": failure.event_id,
        "source": "ingestion" if source is None else "validation",
        "stage": "decode" if source is None else None,
        "provider": failure.provider,
        "provider_event_id": failure.provider_event_id,
        "provider_event_type": failure.event_type,
        "merchant_id": failure.merchant_id,
        "reason_codes": list(failure.reason_codes),
        "reasons": list(failure.reasons),
        "headers": dict(failure.headers),
        "payload": failure.payload,
        "source_topic": None if source is None else source.topic,
        "source_partition": None if source is None else source.partition,
        "source_offset": None if source is None else source.offset,
        "received_at": failure.received_at,
        "failed_at": None if source is None else failure.recorded_at,
        "schema_version": failure.schema_version,
        "kafka_topic": failure.position.topic,
        "kafka_partition": failure.position.partition,
        "kafka_offset": failure.position.offset,
        "kafka_timestamp": failure.recorded_at,
    }


class SourceBehaviour:
    """What every source does. Subclass it where the fixture `source` holds EVENTS and FAILURES."""

    EVENTS = (
        raw(0),
        raw(1, merchant_id="merch_2"),
        raw(30, event_type="charge.failed", schema_version=1, livemode=None),
    )
    FAILURES = (
        failure(0),
        refused(1, merchant_id=None),
        failure(30, reason_codes=("currency_unknown", "amount_missing"), reasons=("a", "b")),
        failure(31, source=Position(NORMALIZED.name, 3, 7), reason_codes=("row_rejected",), reasons=("c",)),
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
        ],
        ids=str,
    )
    def test_a_filter_covers(self, source: Source, which: Filter, events: list[int], failures: list[int]) -> None:
        assert sorted(numbers(source.raw(which))) == events
        assert sorted(numbers(source.failures(which))) == failures

    def test_events_are_found_at_their_places(self, source: Source) -> None:
        places = [Position(STRIPE_RAW.name, 0, 30), Position(STRIPE_RAW.name, 0, 2), Position(STRIPE_RAW.name, 1, 0)]
        assert list(numbers(source.at(places, Filter(since=NOON, until=NOON + 40 * HOUR)))) == [30]


def numbers(events: Iterator[RawEvent] | Iterator[Failure] | Sequence[Failure]) -> list[int]:
    return [uuid.UUID(event.event_id).int for event in events]


def bare_events(events: Iterator[RawEvent] | Sequence[RawEvent]) -> list[RawEvent]:
    """Return events in order, without where they were found."""
    return sorted((replace(event, origin="topic", value=None) for event in events), key=lambda event: event.event_id)


def bare_failures(failures: Iterator[Failure] | Sequence[Failure]) -> list[Failure]:
    """Return dead letters in order, without where they were found."""
    return sorted((replace(each, origin="topic") for each in failures), key=lambda each: each.event_id)
