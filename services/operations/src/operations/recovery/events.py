"""Events as the recovery knows them, wherever they were read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Origin = Literal["topic", "archive", "dead_letter"]
"""Where an original record was: its raw topic, the lake, or nowhere but in the dead letter that holds its body."""

Stage = Literal["gateway", "normalizer", "orchestrator"]
"""Who quarantined an event."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in Kafka."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"


@dataclass(frozen=True, slots=True)
class RawEvent:
    """A webhook as the gateway kept it; times are aware and in UTC.

    `value` is the record's very bytes, where the raw topic still has them; else the record is encoded again.
    """

    event_id: str
    provider: str
    provider_event_id: str
    event_type: str
    merchant_id: str
    payload: bytes
    received_at: datetime
    schema_version: int
    api_version: str | None
    headers: Mapping[str, str]
    provider_created_at: datetime | None
    livemode: bool | None
    origin: Origin
    position: Position | None
    value: bytes | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A dead letter; `recorded_at` is when it was written to its topic, `source` where the event had been read.

    What the gateway could not read is None; headers are there for what the gateway refused alone.
    """

    event_id: str
    provider: str
    provider_event_id: str | None
    event_type: str | None
    merchant_id: str | None
    stage: Stage
    reason_codes: tuple[str, ...]
    reasons: tuple[str, ...]
    headers: Mapping[str, str]
    payload: bytes
    source: Position | None
    received_at: datetime
    recorded_at: datetime
    schema_version: int
    position: Position
    origin: Origin


def stage_of(source: Position | None, normalized: str) -> Stage:
    """Tell who quarantined an event by where it had been read; `normalized` is the topic of unified events."""
    if source is None:
        return "gateway"
    return "orchestrator" if source.topic == normalized else "normalizer"
