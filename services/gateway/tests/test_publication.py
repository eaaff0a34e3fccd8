"""Webhooks as they are written to Kafka."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from gateway.envelope import Envelope
from gateway.errors import Malformed
from gateway.publication import Delivery, Publication
from kit.errors import Fault, Transient
from kit.kafka import AvroDecoder
from kit.kafka.testing import MemoryProducer, acknowledged
from kit.tracing import Tracing, traceparent
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from payments_contracts.schemas import schema
from payments_contracts.topics import INGESTION_DLQ, STRIPE_RAW, Topic

IDS = {STRIPE_RAW.name: 7, INGESTION_DLQ.name: 8}
ENVELOPE = Envelope("00000000-0000-5000-8000-000000000000", "evt", "paid", "m", "v1", 1_777_636_800_123)
MALFORMED = Malformed("not_json", "It is not.", "decode")
DELIVERY = Delivery({"content-type": "é"}, b'{"\xff', 1_777_636_800_456)


class Registered:
    """Knows the contracts' schemas."""

    def text(self, schema_id: int) -> str:
        [topic] = [topic for topic in (STRIPE_RAW, INGESTION_DLQ) if IDS[topic.name] == schema_id]
        return schema(topic.record, topic.version)


@pytest.fixture
async def producer() -> MemoryProducer:
    return MemoryProducer(list(IDS))


@pytest.fixture
def publication_of(producer: MemoryProducer) -> Callable[..., Publication]:
    def made(schema_id_of: Callable[[Topic], int] = lambda topic: IDS[topic.name]) -> Publication:
        return Publication("stripe", producer, STRIPE_RAW, INGESTION_DLQ, schema_id_of)

    return made


@pytest.fixture
async def publication(publication_of: Callable[..., Publication]) -> Publication:
    made = publication_of()
    await made.pin()
    return made


def read(producer: MemoryProducer, topic: Topic) -> tuple[bytes, dict[str, Any]]:
    [(name, key, value)] = producer.records
    assert name == topic.name
    return key, AvroDecoder(Registered(), schema(topic.record, topic.version)).decode(value)


async def test_an_event_is_written_under_its_merchant(publication: Publication, producer: MemoryProducer) -> None:
    await acknowledged(partial(publication.accept, ENVELOPE, DELIVERY))
    assert read(producer, STRIPE_RAW) == (
        b"m",
        {
            "event_id": ENVELOPE.event_id,
            "provider": "stripe",
            "provider_event_id": "evt",
            "provider_event_type": "paid",
            "merchant_id": "m",
            "api_version": "v1",
            "headers": {"content-type": "é"},
            "payload": DELIVERY.body,
            "provider_created_at": datetime(2026, 5, 1, 12, 0, 0, 123000, tzinfo=UTC),
            "received_at": datetime(2026, 5, 1, 12, 0, 0, 456000, tzinfo=UTC),
            "schema_version": 2,
            "livemode": True,
        },
    )


async def test_what_an_event_does_not_say_is_null(publication: Publication, producer: MemoryProducer) -> None:
    envelope = ENVELOPE._replace(api_version=None, created_at=None)
    await acknowledged(partial(publication.accept, envelope, DELIVERY))
    _, record = read(producer, STRIPE_RAW)
    assert (record["api_version"], record["provider_created_at"]) == (None, None)


async def test_a_dead_letter_is_written_under_its_own_id(publication: Publication, producer: MemoryProducer) -> None:
    await acknowledged(partial(publication.dead_letter, MALFORMED, "its own", "m", DELIVERY))
    key, record = read(producer, INGESTION_DLQ)
    assert key.decode() == record["event_id"] == "its own"
    assert (record["reason_code"], record["reason"], record["stage"]) == ("not_json", "It is not.", "decode")
    assert (record["payload"], record["merchant_id"], record["provider"]) == (DELIVERY.body, "m", "stripe")


@pytest.mark.parametrize("trouble", [Transient("no acknowledgement"), Fault("beyond repair")])
async def test_what_cannot_be_written_is_not_passed_over(
    publication: Publication, producer: MemoryProducer, trouble: Transient | Fault
) -> None:
    producer.trouble = trouble
    with pytest.raises(type(trouble)):
        await acknowledged(partial(publication.accept, ENVELOPE, DELIVERY))
    with pytest.raises(type(trouble)):
        await acknowledged(partial(publication.dead_letter, MALFORMED, "its own", "m", DELIVERY))


@pytest.mark.parametrize("changed", [STRIPE_RAW, INGESTION_DLQ])
async def test_refuses_topics_of_versions_that_it_does_not_write(producer: MemoryProducer, changed: Topic) -> None:
    written, other = changed.version, changed.version + 1
    topics = [replace(topic, version=other) if topic == changed else topic for topic in (STRIPE_RAW, INGESTION_DLQ)]
    with pytest.raises(Fault, match=f"{changed.name} is to hold version {other}, and the gateway writes {written}"):
        Publication("stripe", producer, topics[0], topics[1], lambda _topic: 1)


async def test_names_the_topics_that_it_writes_to(publication: Publication) -> None:
    assert publication.topics == [STRIPE_RAW.name, INGESTION_DLQ.name]


async def test_says_what_the_schemas_lack(publication_of: Callable[..., Publication]) -> None:
    troubles: list[Fault | Transient | None] = [None]

    def schema_id_of(topic: Topic) -> int:
        if troubles[0] is not None:
            raise troubles[0]
        return IDS[topic.name]

    publication = publication_of(schema_id_of)
    assert publication.check() == "not looked up yet"
    await publication.pin()
    assert publication.check() is None
    troubles[0] = Fault("not registered")
    with pytest.raises(Fault):
        await publication.pin()
    assert publication.check() == "not registered"


async def test_nothing_is_said_of_a_trace_where_spans_go_nowhere(
    publication: Publication, producer: MemoryProducer
) -> None:
    await acknowledged(partial(publication.accept, ENVELOPE, DELIVERY))
    assert producer.headers == [{}]


def traced_by(tracing: Tracing, producer: MemoryProducer, *event_types: str) -> Publication:
    return Publication(
        "stripe",
        producer,
        STRIPE_RAW,
        INGESTION_DLQ,
        lambda topic: IDS[topic.name],
        tracing=tracing,
        event_types=frozenset(event_types),
    )


@pytest.mark.parametrize(("known", "told"), [(("paid",), "paid"), (("failed",), "other"), ((), "other")])
async def test_a_span_tells_no_type_that_the_contract_does_not_know(
    producer: MemoryProducer, known: tuple[str, ...], told: str
) -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing("gateway-stripe", exporter)
    made = traced_by(tracing, producer, *known)
    await made.pin()
    await acknowledged(partial(made.accept, ENVELOPE, DELIVERY))
    tracing.close()
    (span,) = exporter.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes["payments.provider_event_type"] == told


async def test_a_webhook_is_the_first_span_of_its_event_and_its_record_tells_the_trace(
    producer: MemoryProducer,
) -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing("gateway-stripe", exporter)
    made = traced_by(tracing, producer)
    await made.pin()
    await acknowledged(partial(made.accept, ENVELOPE, DELIVERY))
    producer.trouble = Transient("no broker")
    with pytest.raises(Transient):
        await acknowledged(partial(made.dead_letter, MALFORMED, ENVELOPE.event_id, "m", DELIVERY))
    tracing.close()
    accepted, refused = exporter.get_finished_spans()
    assert producer.headers == [{"traceparent": traceparent(ENVELOPE.event_id)}] * 2
    assert accepted.start_time == DELIVERY.received_at * 1_000_000
    assert accepted.attributes is not None
    assert accepted.attributes["payments.merchant_id"] == "m"
    assert (accepted.status.is_ok, refused.status.is_ok) == (True, False)
