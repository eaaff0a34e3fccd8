"""Records of Kafka as rows of the archive: each field as it was, and the record's place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kit.errors import Rejected
from kit.kafka import Message
from kit.lake import Row
from payments_contracts.identity import malformed_event_id
from payments_contracts.pins.archiver import ArchivedEvent, QuarantinedEvent
from payments_contracts.providers import PROVIDERS
from payments_contracts.topics import Topic, raw_topic

_INGESTION = "ingestion_failure"
_PROVIDERS = {raw_topic(name).name: name for name in PROVIDERS}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNREADABLE_VERSION = 0
"""The `schema_version` of a row whose record could not be read: its `payload` holds the bytes that Kafka has."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record was read."""

    topic: Topic
    message: Message

    @property
    def produced_at(self) -> datetime:
        """When the record was produced, as Kafka has it."""
        return _EPOCH + timedelta(milliseconds=max(0, self.message.timestamp))

    def __str__(self) -> str:
        """Say it as `topic/partition@offset`."""
        return f"{self.message.topic}/{self.message.partition}@{self.message.offset}"

    def columns(self) -> dict[str, object]:
        """Return the columns that tell it."""
        return {
            "kafka_topic": self.message.topic,
            "kafka_partition": self.message.partition,
            "kafka_offset": self.message.offset,
            "kafka_timestamp": self.produced_at,
        }


MakeRow = Callable[[Mapping[str, Any], Place], Row]
"""Makes a row of a decoded record."""
MakeUnreadable = Callable[[Rejected, Place], Row]
"""Makes a row of a record that cannot be read."""


def archived(record: Mapping[str, Any], place: Place) -> Row:
    """Return a raw record as a row."""
    return {**record, **place.columns()}


def archived_unreadable(_error: Rejected, place: Place) -> Row:
    """Return a raw record that cannot be read as a row: its bytes, and nothing that they say."""
    body = place.message.value or b""
    return _filled(
        ArchivedEvent,
        event_id=malformed_event_id(body),
        provider=_PROVIDERS.get(place.topic.name, ""),
        headers={},
        payload=body,
        received_at=place.produced_at,
        schema_version=UNREADABLE_VERSION,
        **place.columns(),
    )


def quarantined(record: Mapping[str, Any], place: Place) -> Row:
    """Return a dead letter of either topic as a row."""
    if place.topic.record == _INGESTION:
        # The gateway's has one reason, and was never read from a topic.
        told = {each: value for each, value in record.items() if each not in {"reason_code", "reason"}}
        reasons = {"reason_codes": [record["reason_code"]], "reasons": [record["reason"]]}
        return {"source": "ingestion", **told, **reasons, **place.columns()}
    return {"source": "validation", **record, "headers": {}, **place.columns()}


def quarantined_unreadable(error: Rejected, place: Place) -> Row:
    """Return a dead letter that cannot be read as a row: its bytes, and why."""
    body = place.message.value or b""
    return _filled(
        QuarantinedEvent,
        event_id=malformed_event_id(body),
        source="ingestion" if place.topic.record == _INGESTION else "validation",
        reason_codes=[error.reason_code],
        reasons=[error.detail],
        headers={},
        payload=body,
        received_at=place.produced_at,
        schema_version=UNREADABLE_VERSION,
        **place.columns(),
    )


def _filled(model: type[ArchivedEvent | QuarantinedEvent], **known: object) -> Row:
    """Return a row with what is known; text that must be there and is not known is empty."""
    return {name: known.get(name, "" if field.is_required() else None) for name, field in model.model_fields.items()}
