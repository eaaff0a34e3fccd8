"""A payment event at every hop, and parts in memory that know of it; for tests."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
from kit.kafka import Message
from operations.audit.hops import Place
from operations.errors import UnavailableError
from operations.tables import apply_tables
from operations.trace.facts import Row, Workflow
from operations.trace.look import Look, Tracer
from operations.trace.ports import Servers
from operations.trace.records import EventRecords
from operations.trace.tables import EventTables
from payments_contracts.tables import (
    BRONZE_PAYMENT_EVENTS,
    BRONZE_PROVIDER_EVENTS,
    GOLD_DAILY_PAYMENT_METRICS,
    SILVER_PAYMENTS,
    SILVER_PAYMENTS_CLEANED,
    TABLES,
)
from payments_contracts.topics import NORMALIZED, STRIPE_RAW, Topic
from pyiceberg.catalog.sql import SqlCatalog

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from operations.recovery.events import Position

T = TypeVar("T")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = NOON + timedelta(minutes=5)
SECOND = timedelta(seconds=1)
EVENT = "8be1405a-1801-5be5-a263-eedd1973f582"
PAYMENT = "pi_1"
RUN = "0199c0de-0000-7000-8000-000000000001"

RAW: Row = {
    "event_id": EVENT,
    "provider": "stripe",
    "provider_event_id": "evt_1",
    "provider_event_type": "payment_intent.succeeded",
    "merchant_id": "merch_1",
    "payload": b"{}",
    "received_at": NOON,
    "schema_version": 2,
    "headers": {},
    "provider_created_at": NOON,
    "livemode": True,
}
SCORED: Row = {
    "event_id": EVENT,
    "provider": "stripe",
    "provider_event_id": "evt_1",
    "event_type": "payment.succeeded",
    "merchant_id": "merch_1",
    "amount_cents": 1200,
    "currency": "EUR",
    "status": "succeeded",
    "metadata": {},
    "provider_created_at": NOON,
    "processed_at": NOON,
    "received_at": NOON,
    "rule_violations": [],
    "fraud_score": 0.1,
    "fraud_risk_level": "low",
    "fraud_score_source": "model",
    "scored_at": NOON + SECOND,
    "schema_version": 3,
    "provider_object_id": PAYMENT,
    "livemode": True,
}
NORMAL: Row = {name: value for name, value in SCORED.items() if name != "scored_at"}
WORKFLOW = Workflow(RUN, "COMPLETED", NOON + SECOND, NOON + 2 * SECOND, Place(NORMALIZED.name, 0, 7), NOON + SECOND)
METRIC: Row = {
    "event_date": date(2026, 3, 1),
    "merchant_id": "merch_1",
    "provider": "stripe",
    "currency": "EUR",
    "status": "succeeded",
    "payment_count": 3,
    "amount_major": Decimal("36.00"),
}
PAYMENT_ROW: Row = {
    **{name: METRIC[name] for name in ("event_date", "merchant_id", "provider", "currency", "status")},
    "payment_id": PAYMENT,
    "livemode": True,
    "captured_major": Decimal("12.00"),
    "is_told": True,
}


@dataclass
class MemoryRows:
    """The operational database."""

    rows: list[Row] = field(default_factory=list)

    def find(self, wanted: str, limit: int) -> Sequence[Row]:
        names = ("event_id", "provider_event_id", "provider_object_id", "related_payment_id")
        return [row for row in self.rows if wanted in {row.get(name) for name in names}][:limit]

    def payment_of_charge(self, provider: str, charge_id: str) -> str | None:
        found = (row for row in self.rows if (row["provider"], row["provider_object_id"]) == (provider, charge_id))
        return next((row.get("related_payment_id") for row in found), None)

    def notes(self, event_ids: Collection[str]) -> Mapping[str, Sequence[str]]:
        return {event_id: ["redrive by ann: sent"] for event_id in event_ids if event_id == EVENT}


@dataclass
class MemoryWorkflows:
    """Temporal."""

    workflows: dict[str, Workflow] = field(default_factory=dict)

    def find(self, event_id: str, *, with_event: bool) -> Workflow | None:
        workflow = self.workflows.get(event_id)
        return replace(workflow, event=NORMAL) if workflow is not None and with_event else workflow


class MemoryTopics:
    """Kafka, whose records are JSON."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.committed: dict[str, int] = {}

    def put(self, topic: Topic, offset: int, at: datetime, record: Row, **headers: bytes) -> None:
        value = json.dumps(dict(record), default=_text).encode()
        self.messages.append(Message(topic.name, 0, offset, int(at.timestamp() * 1000), b"", value, headers))

    def scan(self, topic: str, since: datetime | None = None, until: datetime | None = None) -> Iterator[Message]:
        for message in self.messages:
            at = datetime.fromtimestamp(message.timestamp / 1000, UTC)
            if message.topic == topic and (since is None or at >= since) and (until is None or at < until):
                yield message

    def at(self, places: Collection[Position]) -> Iterator[Message]:
        wanted = {(each.topic, each.offset) for each in places}
        yield from (each for each in self.messages if (each.topic, each.offset) in wanted)

    def held_since(self, topic: str) -> datetime:
        raise NotImplementedError(topic)

    def held(self, topic: str) -> dict[int, range]:
        raise NotImplementedError(topic)

    def behind(self, group: str, place: Place) -> int:
        return place.offset + 1 - self.committed.get(group, 0)

    def decode(self, value: bytes) -> dict[str, Any]:
        record: dict[str, Any] = json.loads(value)
        times = {name: datetime.fromisoformat(text) for name, text in record.items() if name.endswith("_at") and text}
        return record | times | {"payload": record.get("payload", "").encode()}


class Pipeline:
    """All parts; `away` names those that do not answer, `unset` those of which no address is set."""

    def __init__(self, directory: Path) -> None:
        self.rows = MemoryRows()
        self.workflows = MemoryWorkflows()
        self.topics = MemoryTopics()
        place = {"uri": f"sqlite:///{directory}/catalog.db", "warehouse": f"file://{directory}"}
        self.catalog = SqlCatalog("lake", **place)
        self.away: set[str] = set()
        self.unset: set[str] = set()

    def append(self, table: str, rows: Sequence[Row]) -> None:
        """Add rows to a table of the lake, which is made when it gets its first."""
        contract = [each for each in TABLES if each.identifier == table]
        if not contract:
            made = pa.Table.from_pylist(list(map(dict, rows)))
            self.catalog.create_namespace_if_not_exists(table.partition(".")[0])
            self.catalog.create_table(table, made.schema).append(made)
            return
        list(apply_tables(self.catalog, contract))
        loaded = self.catalog.load_table(table)
        loaded.append(pa.Table.from_pylist(list(map(dict, rows)), schema=loaded.schema().as_arrow()))

    def receive(self, offset: int = 3) -> None:
        """Let the gateway have written the event."""
        self.topics.put(STRIPE_RAW, offset, NOON, RAW)

    def archive(self, offset: int = 3) -> None:
        """Let the archiver have kept it."""
        place = {"kafka_topic": STRIPE_RAW.name, "kafka_partition": 0, "kafka_offset": offset, "kafka_timestamp": NOON}
        self.append(BRONZE_PROVIDER_EVENTS.identifier, [{**RAW, **place}])

    def normalize(self) -> None:
        """Let the normalizer have passed it."""
        self.topics.put(NORMALIZED, 7, NOON + SECOND, {**SCORED, "schema_version": 3})

    def score(self, **changes: Any) -> None:
        """Let the orchestrator have written its rows."""
        self.workflows.workflows[EVENT] = WORKFLOW
        self.rows.rows.append({**SCORED, **changes})
        self.append(BRONZE_PAYMENT_EVENTS.identifier, [{**SCORED, **changes}])

    def build(self) -> None:
        """Let dbt have built Silver and Gold."""
        silver = {"event_id": EVENT, "event_date": date(2026, 3, 1), "status": "succeeded", "bronze_rows": 1}
        self.append(SILVER_PAYMENTS_CLEANED, [{**silver, "scored_at": SCORED["scored_at"]}])
        self.append(SILVER_PAYMENTS, [PAYMENT_ROW])
        self.append(GOLD_DAILY_PAYMENT_METRICS, [METRIC])

    def complete(self) -> None:
        """Let the event have arrived."""
        for step in (self.receive, self.archive, self.normalize, self.score, self.build):
            step()

    def look(self, wanted: str = EVENT, *, seconds: float = 10.0, limit: int = 10) -> Look:
        """Trace an id."""
        servers = Servers(
            rows=self._address("database", lambda: self._open("database", lambda: self.rows)),
            workflows=self._address("temporal", lambda: self._open("temporal", lambda: self.workflows)),
            records=lambda: self._open(
                "kafka", lambda: EventRecords(self.topics, self.topics.behind, lambda _topic: self.topics)
            ),
            tables=EventTables(self._catalog),
            providers=["stripe"],
        )
        return Tracer(servers, lambda: NOW, seconds).look(wanted, limit=limit)

    def _address(self, part: str, opened: Callable[[], T]) -> Callable[[], T] | None:
        return None if part in self.unset else opened

    def _catalog(self) -> SqlCatalog:
        self._check("lake")
        return self.catalog

    @contextmanager
    def _open(self, part: str, opened: Callable[[], Any]) -> Iterator[Any]:
        self._check(part)
        yield opened()

    def _check(self, part: str) -> None:
        if part in self.away:
            raise UnavailableError(f"{part} does not answer")


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else value.isoformat()
