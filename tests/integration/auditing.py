"""Events that are put at chosen places of the path by hand, so that what is missing at the others is known."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from archiver.rows import Place, quarantined
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from kit.kafka import AvroEncoder, RegistryClient
from kit.kafka import Message as Read
from operations.audit.assembly import AuditSettings, open_auditor
from operations.audit.database import open_database
from operations.audit.hops import Window
from operations.audit.look import Look, Patience
from orchestrator.database import PostgresStore
from payments_contracts.examples import EXAMPLES, Example
from payments_contracts.normalize import Normalized, normalize
from payments_contracts.pins.orchestrator import PaymentEvent, ScoredPayment
from payments_contracts.schemas import schema
from payments_contracts.tables import BRONZE_QUARANTINE
from payments_contracts.topics import INGESTION_DLQ, NORMALIZED, STRIPE_RAW, VALIDATION_DLQ, Topic
from pydantic import SecretStr
from pyiceberg.table import Table

from tests.integration.analytics import append

SCORES = {
    "rule_violations": [],
    "fraud_score": 0.25,
    "fraud_risk_level": "low",
    "fraud_score_source": "model",
    "retry_strategy": None,
}


def example(kind: str) -> Example:
    """Return an example of Stripe's whose payment is succeeded, or one of a kind that has no mapping."""
    wanted = "payment_intent.succeeded" if kind == "accepted" else ""
    return next(
        each for each in EXAMPLES if each.provider == "stripe" and each.kind == kind and wanted.encode() in each.body
    )


class Path:
    """The path of Stripe's events, from the raw topic to the operational database."""

    def __init__(self, stack: Mapping[str, str], bronze: Table, dsn: SecretStr) -> None:
        self._servers = stack["KAFKA_BOOTSTRAP_SERVERS"]
        self._producer = Producer({"bootstrap.servers": self._servers, "acks": "all"})
        self._registry = RegistryClient(stack["SCHEMA_REGISTRY_URL"])
        self._bronze = bronze
        self._dsn = dsn
        self.group = f"audit-test-{uuid.uuid4().hex[:8]}"
        self.began = datetime.now(UTC).replace(microsecond=0)
        self.variables: dict[str, str] = {
            **stack,
            "POSTGRES_DSN": dsn.get_secret_value(),
            "GATEWAY_PROVIDERS": "stripe",
            "NORMALIZER_GROUP_ID": self.group,
            "CONSUMER_GROUP": self.group,
            # An archiver that ran on this stack before, and has stopped, would be waited for.
            "ARCHIVE_GROUP_SUFFIX": f"-{self.group}",
        }
        self.settings = AuditSettings.model_validate({name.lower(): value for name, value in self.variables.items()})

    def event(self, **changes: Any) -> PaymentEvent:
        """Return the unified event of a webhook that has just come."""
        webhook = example("accepted")
        now = datetime.now(UTC).replace(microsecond=0)
        outcome = normalize("stripe", webhook.body, webhook.merchant_id, livemode=True, received_at=0)
        assert isinstance(outcome, Normalized)
        stamped = {
            "event_id": str(uuid.uuid4()),
            "received_at": now,
            "processed_at": now,
            "schema_version": NORMALIZED.version,
        }
        return PaymentEvent.model_validate(outcome.event | stamped | changes)

    def raw(self, event: PaymentEvent, kind: str = "accepted") -> None:
        webhook = example(kind)
        self._write(
            STRIPE_RAW,
            event.merchant_id,
            {
                "event_id": event.event_id,
                "provider": "stripe",
                "provider_event_id": event.provider_event_id,
                "provider_event_type": "",
                "merchant_id": event.merchant_id,
                "api_version": None,
                "headers": {},
                "payload": webhook.body,
                "provider_created_at": None,
                "received_at": event.processed_at,
                "schema_version": STRIPE_RAW.version,
                "livemode": True,
            },
        )

    def normalized(self, event: PaymentEvent) -> None:
        self._write(NORMALIZED, event.merchant_id, event.model_dump())

    def dead_letter(self, event: PaymentEvent, source: Topic) -> None:
        self._write(
            VALIDATION_DLQ,
            event.event_id,
            {
                "event_id": event.event_id,
                "provider": "stripe",
                "provider_event_id": event.provider_event_id,
                "provider_event_type": "",
                "merchant_id": event.merchant_id,
                "reason_codes": ["currency_unknown"],
                "reasons": [],
                "payload": b"{}",
                "source_topic": source.name,
                "source_partition": 0,
                "source_offset": 0,
                "received_at": event.processed_at,
                "failed_at": event.processed_at,
                "schema_version": VALIDATION_DLQ.version,
            },
        )

    def refused(self, event: PaymentEvent) -> tuple[str, dict[str, Any]]:
        """Have a gateway refuse an event's webhook; return the letter's place, and the row that the archiver makes."""
        record = {
            "event_id": event.event_id,
            "provider": "stripe",
            "merchant_id": event.merchant_id,
            "stage": "structure",
            "reason_code": "not_object",
            "reason": "the body is a list",
            "headers": {},
            "payload": b"[]",
            "received_at": event.processed_at,
            "schema_version": INGESTION_DLQ.version,
        }
        place = letter_place(self._write(INGESTION_DLQ, event.event_id, record))
        return str(place), {**quarantined(record, place), "headers": []}

    def rows(self, events: Sequence[PaymentEvent]) -> None:
        """Append rows to Bronze."""
        append(self._bronze, [_scored(each).model_dump() for each in events])

    def database(self, events: Sequence[PaymentEvent]) -> None:
        """Insert rows into the operational database."""

        async def put() -> None:
            store = PostgresStore(self._dsn)
            for each in events:
                await store.put(_scored(each))
            await store.close()

        asyncio.run(put())

    def pass_by(self) -> None:
        """Let the groups have read everything that is in their topics."""
        self._pass_by(self.group, STRIPE_RAW, NORMALIZED)

    def archive_by(self) -> None:
        """Let the archiver have read every dead letter."""
        group = f"archiver-{BRONZE_QUARANTINE.name}{self.settings.archive_group_suffix}"
        self._pass_by(group, INGESTION_DLQ, VALIDATION_DLQ)

    def _pass_by(self, group: str, *topics: Topic) -> None:
        consumer = Consumer({"bootstrap.servers": self._servers, "group.id": group, "enable.auto.commit": False})
        for topic in topics:
            ends = [
                TopicPartition(
                    topic.name, number, consumer.get_watermark_offsets(TopicPartition(topic.name, number))[1]
                )
                for number in range(topic.partitions)
            ]
            consumer.commit(offsets=ends, asynchronous=False)
        consumer.close()

    def look(self, *, age: timedelta = timedelta(hours=3), window: Window | None = None) -> Look:
        """Look at all that happened since the path was opened, as if it were looked at so much later."""
        window = window or Window(self.began, datetime.now(UTC) + timedelta(seconds=1))

        def clock() -> datetime:
            return datetime.now(UTC) + age

        with open_database(self._dsn) as database:
            with open_auditor(self.settings, database, Patience(), lambda _: None, clock) as auditor:
                before = database.newest_run(standing=False)
                found = auditor.look(
                    window, database.followed(), before, None, accepted=database.accepted(), standing=False
                )
            database.write(found.run, found.differences)
        return found

    def close(self) -> None:
        self._registry.close()

    def _write(self, topic: Topic, key: str, record: Mapping[str, Any]) -> Message:
        text = schema(topic.record, topic.version)
        registered = self._registry.lookup(topic.subject, topic.version, text)
        written: list[Message] = []

        def note(error: KafkaError | None, message: Message) -> None:
            assert error is None, error
            written.append(message)

        value = AvroEncoder(text, registered.id).encode(record)
        self._producer.produce(topic.name, value, key.encode(), on_delivery=note)
        assert self._producer.flush(30) == 0
        (message,) = written
        return message


def letter_place(message: Message) -> Place:
    """Return where a dead letter of a gateway lies, as the archiver has it."""
    topic, number, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None
    assert number is not None
    assert offset is not None
    return Place(INGESTION_DLQ, Read(topic, number, offset, message.timestamp()[1], message.key(), message.value()))


def _scored(event: PaymentEvent) -> ScoredPayment:
    return ScoredPayment.model_validate(event.model_dump() | SCORES | {"scored_at": event.processed_at})


def states(look: Look, events: Mapping[str, PaymentEvent]) -> dict[tuple[str, str], str]:
    """Return what a look says of some events, by hop and by the name that they have here."""
    names = {event.event_id: name for name, event in events.items()}
    return {(each.hop, names[each.subject]): each.state for each in look.differences if each.subject in names}
