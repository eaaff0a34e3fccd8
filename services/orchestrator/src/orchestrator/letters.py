"""What a dead letter says: of an event that can have no row, and of a record that never became an event. Pure."""

from collections.abc import Mapping
from datetime import datetime

from payments_contracts.identity import malformed_event_id
from payments_contracts.pins.orchestrator import ValidationFailure
from payments_contracts.topics import NORMALIZED, VALIDATION_DLQ

from orchestrator.messages import DeadLetter
from orchestrator.source import Poison

PAYLOAD_CUT = "payload_cut"
_UNKNOWN = "unknown"
# Beside a payload: ids, reasons and what Kafka adds; lint holds as much between the largest records of the topics.
_BESIDE_BYTES = 65_536
_KEPT_BYTES = VALIDATION_DLQ.max_message_bytes - _BESIDE_BYTES
_TEXT_CHARACTERS = 255
_REASON_CHARACTERS = 1_000


def of_event(letter: DeadLetter, now: datetime) -> ValidationFailure:
    """Return the letter of an event, with the event as JSON."""
    event, position = letter.event, letter.position
    return ValidationFailure(
        event_id=event.event_id,
        provider=event.provider,
        provider_event_id=event.provider_event_id,
        provider_event_type=event.event_type,
        merchant_id=event.merchant_id,
        reason_codes=[letter.reason_code],
        reasons=[letter.reason[:_REASON_CHARACTERS]],
        payload=event.model_dump_json().encode(),
        source_topic=NORMALIZED.name if position is None else position.topic,
        source_partition=-1 if position is None else position.partition,
        source_offset=-1 if position is None else position.offset,
        received_at=event.processed_at,
        failed_at=now,
        schema_version=VALIDATION_DLQ.version,
    )


def of_record(poison: Poison, now: datetime) -> ValidationFailure:
    """Return the letter of a record, with its bytes; what it says of itself is told as far as it can be read."""
    record = poison.error.record
    merchant = poison.key.decode(errors="replace")[:_TEXT_CHARACTERS]
    received_at = record.get("received_at") or record.get("processed_at") or poison.written_at
    return ValidationFailure(
        event_id=_text(record, "event_id") or malformed_event_id(poison.value),
        provider=_text(record, "provider") or _UNKNOWN,
        provider_event_id=_text(record, "provider_event_id"),
        provider_event_type=_text(record, "event_type"),
        merchant_id=_text(record, "merchant_id") or merchant,
        reason_codes=[poison.error.reason_code],
        reasons=[poison.error.detail[:_REASON_CHARACTERS]],
        payload=poison.value,
        source_topic=poison.partition.topic,
        source_partition=poison.partition.number,
        source_offset=poison.offset,
        received_at=received_at if isinstance(received_at, datetime) else now,
        failed_at=now,
        schema_version=VALIDATION_DLQ.version,
    )


def cut(letter: ValidationFailure) -> ValidationFailure:
    """Return the letter with as much of its payload as fits into a message; it says so, and where all of it is.

    A letter that fits is returned as it is: a broker refuses a whole batch where one message of it is too large.
    """
    payload = letter.payload
    if len(payload) <= _KEPT_BYTES:
        return letter
    where = f"{letter.source_topic}/{letter.source_partition}@{letter.source_offset}"
    told = f"the first {_KEPT_BYTES} of {len(payload)} bytes"
    reason = f"payload: {told}; all are at {where} until the retention of that topic"
    return letter.model_copy(
        update={
            "payload": payload[:_KEPT_BYTES],
            "reason_codes": [*letter.reason_codes, PAYLOAD_CUT],
            "reasons": [*letter.reasons, reason],
        }
    )


def _text(record: Mapping[str, object], name: str) -> str:
    value = record.get(name)
    return value[:_TEXT_CHARACTERS] if isinstance(value, str) else ""
