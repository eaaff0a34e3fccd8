"""Each event's start and activities are spans of its trace, and their lines of the log say whose they are."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from kit.errors import Transient
from kit.tracing import Tracing
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from orchestrator.messages import Position
from orchestrator.spans import Spans
from payments_contracts.pins.orchestrator import PaymentEvent

MakeEvent = Callable[..., PaymentEvent]
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
PLACE = Position(topic="payments.normalized", partition=3, offset=9, written_at=NOON + timedelta(seconds=1))


def test_the_normalizers_span_is_told_by_the_event_and_its_place(make_event: MakeEvent) -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing("orchestrator", exporter)
    event = make_event(received_at=NOON)
    with Spans(tracing).starting(event, PLACE):
        pass
    tracing.close()
    normalize, start = exporter.get_finished_spans()
    assert (normalize.name, start.name) == ("normalize", "start workflow")
    assert (normalize.end_time or 0) - (normalize.start_time or 0) == 1_000_000_000
    assert normalize.attributes is not None
    assert normalize.attributes["messaging.kafka.offset"] == PLACE.offset
    assert normalize.parent is not None
    assert f"{normalize.parent.trace_id:032x}" == event.event_id.replace("-", "")


def test_an_activity_that_fails_is_told_by_the_kind_of_its_failure_alone(make_event: MakeEvent) -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing("orchestrator", exporter)
    with (
        pytest.raises(Transient),
        Spans(tracing).doing("persist_to_iceberg", make_event().event_id, "merch_1", 2),
    ):
        raise Transient("a secret of the payload")
    tracing.close()
    (span,) = exporter.get_finished_spans()
    assert (span.status.description, span.name) == ("Transient", "persist_to_iceberg")
    assert span.attributes is not None
    assert span.attributes["temporal.attempt"] == 2  # as above


def test_what_is_logged_of_an_event_says_whose_it_is(make_event: MakeEvent) -> None:
    event = make_event(merchant_id="merch_9")
    with Spans(None).starting(event, PLACE):
        bound = structlog.contextvars.get_contextvars()
    assert bound == {
        "event_id": event.event_id,
        "merchant_id": "merch_9",
        "trace_id": event.event_id.replace("-", ""),
    }
    assert structlog.contextvars.get_contextvars() == {}
