"""Whatever a message is, it becomes a row or is counted, and the next one is read."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from kit.errors import Rejected, Transient
from kit.kafka import AvroEncoder
from kit.poison import PoisonLimit, Tolerance
from normalizer.counters import OutcomeCounters, parse
from normalizer.errors import TooManyDeadLetters
from normalizer.reader import Reader, Row
from payments_contracts import flink as contract
from payments_contracts.examples import EXAMPLES, Example
from payments_contracts.identity import malformed_event_id
from payments_contracts.normalize import Outcome
from payments_contracts.rules import REASON_CODES
from payments_contracts.schemas import schema
from payments_contracts.topics import NORMALIZED, VALIDATION_DLQ, Topic

from services.normalizer.tests.flink import NOW
from services.normalizer.tests.groups import FakeGroup

SCHEMA_ID = 7
ODD_ID = 8
ACCEPTED = next(each for each in EXAMPLES if each.provider == "stripe" and each.kind == "accepted")
REJECTED = next(each for each in EXAMPLES if each.provider == "stripe" and each.kind == "rejected")
UNSUPPORTED = next(each for each in EXAMPLES if each.provider == "stripe" and each.kind == "unsupported")


class FakeRegistry:
    """Knows one schema, and one that is no Avro; is away where a test says so."""

    away = False

    def text(self, schema_id: int) -> str:
        if self.away:
            raise Transient("the registry does not answer")
        if schema_id == ODD_ID:
            return '{"type": "object"}'
        if schema_id != SCHEMA_ID:
            raise Rejected(f"there is no schema {schema_id}", "schema_unknown")
        return schema("provider_event", 2)


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
def values() -> dict[str, float]:
    return {}


def limit(what: str, count: int) -> PoisonLimit:
    tolerance = Tolerance(None, 0, count, 60)
    return PoisonLimit(tolerance, "messages", "Mend it.", what=what, error=TooManyDeadLetters, now=lambda: 0.0)


def reader(
    registry: FakeRegistry,
    values: dict[str, float],
    *,
    count: int = 5,
    rejected: int = 50,
    topics: tuple[Topic, Topic] = (NORMALIZED, VALIDATION_DLQ),
    **more: Any,
) -> Reader:
    return Reader(
        "stripe",
        registry,
        counters=OutcomeCounters(FakeGroup(values, ("Python",))),
        unusable=limit("could not be used", count),
        rejected=limit("were rejected", rejected),
        clock=lambda: NOW,
        merchant_keys={},
        topics=topics,
        **more,
    )


def message(example: Example, **changes: object) -> bytes:
    event: dict[str, object] = {
        "event_id": "event",
        "provider": "stripe",
        "provider_event_id": "evt_1",
        "provider_event_type": "any",
        "merchant_id": "merch_1",
        "api_version": None,
        "headers": {},
        "payload": example.body,
        "provider_created_at": None,
        "received_at": datetime(2026, 1, 1, tzinfo=UTC),
        "schema_version": 2,
        "livemode": True,
    }
    return AvroEncoder(schema("provider_event", 2), SCHEMA_ID).encode(event | changes)


def named(row: Row | None) -> dict[str, Any]:
    assert row is not None
    return dict(zip((name for name, _ in contract.COLUMNS), row, strict=True))


def test_an_event_becomes_a_row(registry: FakeRegistry, values: dict[str, float]) -> None:
    row = named(reader(registry, values).read(message(ACCEPTED)))

    assert (row["outcome"], row["raw_event_id"]) == ("normalized", "event")
    assert parse(values) == {("normalized", ""): 1}


def test_a_rejected_event_keeps_its_payload(registry: FakeRegistry, values: dict[str, float]) -> None:
    row = named(reader(registry, values).read(message(REJECTED)))

    assert tuple(row["reason_codes"]) == REJECTED.reason_codes
    assert (row["raw_payload"], row["raw_merchant_id"]) == (REJECTED.body, "merch_1")


def test_an_event_without_a_mapping_is_counted(registry: FakeRegistry, values: dict[str, float]) -> None:
    assert reader(registry, values).read(message(UNSUPPORTED)) is None
    assert sum(parse(values).values()) == 1


@pytest.mark.parametrize(
    ("odd", "code"),
    [
        (None, "wire_format"),
        (b"", "wire_format"),
        (b'{"json": true}', "wire_format"),
        (b"\0\0\0\0\x63body", "schema_unknown"),
        (b"\0\0\0\0\x08body", "schema_unknown"),
        (b"\0\0\0\0\x07\xff\xff\xff\xff\xff\xff", "avro_unreadable"),
        (message(ACCEPTED)[:-1], "avro_unreadable"),
        (message(ACCEPTED) + b"\0", "avro_unreadable"),
    ],
)
def test_a_message_that_is_no_event_is_dead_lettered_with_its_bytes(
    registry: FakeRegistry, values: dict[str, float], odd: bytes | None, code: str
) -> None:
    row = named(reader(registry, values).read(odd))

    assert (row["outcome"], row["reason_codes"]) == ("rejected", [code])
    assert code in REASON_CODES
    assert (row["raw_provider"], row["raw_payload"]) == ("stripe", odd or b"")
    assert row["raw_event_id"] == malformed_event_id(odd or b"")
    # The message's key and time stand in for them.
    assert (row["raw_merchant_id"], row["raw_received_at"]) == (None, None)
    assert parse(values) == {("rejected", ""): 1, ("rejection", code): 1}


def broken(event: Mapping[str, Any], _keys: frozenset[str]) -> Outcome:
    raise ZeroDivisionError(f"secret of {event['merchant_id']}")


def test_a_defect_of_the_mapping_is_dead_lettered_without_the_errors_text(
    registry: FakeRegistry, values: dict[str, float]
) -> None:
    row = named(reader(registry, values, evaluate=broken).read(message(ACCEPTED)))

    assert row["reason_codes"] == ["mapping_failed"]
    assert "mapping_failed" in REASON_CODES
    (reason,) = row["reasons"]
    assert "ZeroDivisionError at test_reader.py, line " in reason
    assert "secret" not in reason
    assert (row["raw_event_id"], row["raw_payload"]) == ("event", ACCEPTED.body)


def test_an_event_whose_record_would_be_too_large_is_dead_lettered(
    registry: FakeRegistry, values: dict[str, float]
) -> None:
    small = replace(NORMALIZED, max_message_bytes=5000)
    row = named(reader(registry, values, topics=(small, VALIDATION_DLQ)).read(message(ACCEPTED)))

    assert row["reason_codes"] == ["record_too_large"]
    assert "record_too_large" in REASON_CODES
    assert row["raw_payload"] == ACCEPTED.body


def test_of_a_payload_that_no_dead_letter_holds_the_beginning_is_kept(
    registry: FakeRegistry, values: dict[str, float]
) -> None:
    odd = b"x" * VALIDATION_DLQ.max_message_bytes
    row = named(reader(registry, values).read(odd))

    assert row["reason_codes"] == ["wire_format", "record_too_large"]
    assert row["raw_payload"] == odd[: len(row["raw_payload"])]
    assert 0.9 * len(odd) < len(row["raw_payload"]) < len(odd) - 2000
    assert f"The first {len(row['raw_payload'])} of {len(odd)} bytes" in row["reasons"][1]
    assert row["raw_event_id"] == malformed_event_id(odd)


def test_a_registry_that_is_away_is_no_fault_of_the_message(registry: FakeRegistry, values: dict[str, float]) -> None:
    read = reader(registry, values)
    registry.away = True
    with pytest.raises(Transient):
        read.read(message(ACCEPTED))
    registry.away = False

    assert named(read.read(message(ACCEPTED)))["outcome"] == "normalized"


def test_many_unusable_messages_end_it(registry: FakeRegistry, values: dict[str, float]) -> None:
    read = reader(registry, values, count=2, evaluate=broken)
    read.read(b"odd")
    read.read(message(ACCEPTED))

    with pytest.raises(TooManyDeadLetters, match="3 of 3 messages"):
        read.read(b"odd")


@pytest.mark.parametrize("provider", ["square", "unknown", ""])
def test_a_record_of_another_provider_is_a_dead_letter_and_no_defect(
    registry: FakeRegistry, values: dict[str, float], provider: str
) -> None:
    odd = message(ACCEPTED, provider=provider)
    row = named(reader(registry, values).read(odd))
    assert row["reason_codes"] == ["record_invalid"]
    assert (row["raw_provider"], row["raw_payload"]) == ("stripe", odd)


def test_many_rejected_events_end_it_too(registry: FakeRegistry, values: dict[str, float]) -> None:
    read = reader(registry, values, rejected=2)
    for _ in range(2):
        read.read(message(REJECTED))
        read.read(message(ACCEPTED))

    with pytest.raises(TooManyDeadLetters, match="3 of 5 messages were rejected within 60 s"):
        read.read(message(REJECTED))


def test_rejected_events_are_not_unusable(registry: FakeRegistry, values: dict[str, float]) -> None:
    read = reader(registry, values, count=0)
    for _ in range(10):
        read.read(message(REJECTED))

    assert json.loads(REJECTED.body)
    assert parse(values)["rejected", ""] == 10
