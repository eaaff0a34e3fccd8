"""Spans of one event are one trace, whoever makes them, and are made only where they go somewhere."""

import subprocess
import sys

import pytest
from kit.tracing import Tracing, TracingSettings, open_tracing, trace_id_of, traceparent
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

EVENT = "8be1405a-1801-5be5-a263-eedd1973f582"
TRACE = "8be1405a18015be5a263eedd1973f582"


def test_the_context_of_an_event_is_its_id() -> None:
    assert trace_id_of(EVENT) == TRACE
    assert traceparent(EVENT) == f"00-{TRACE}-a263eedd1973f582-01".encode()
    assert (trace_id_of("evt_1"), traceparent("evt_1")) == (None, None)


def test_spans_of_several_programs_are_one_trace_below_the_first() -> None:
    gateway, orchestrator = InMemorySpanExporter(), InMemorySpanExporter()
    first, second = Tracing("gateway", gateway), Tracing("orchestrator", orchestrator)
    second.record("persist", EVENT, 2.0, 3.5, {"attempt": 1}, error="the lake is away")
    first.record("webhook", EVENT, 1.0, 2.0, {"provider": "stripe"}, kind="server", is_root=True)
    for tracing in (first, second):
        tracing.close()
    (root,), (child,) = gateway.get_finished_spans(), orchestrator.get_finished_spans()
    assert root.context is not None
    assert child.context is not None
    assert f"{root.context.trace_id:032x}" == f"{child.context.trace_id:032x}" == TRACE
    assert child.parent is not None
    assert child.parent.span_id == root.context.span_id != child.context.span_id
    assert (root.parent, child.status.status_code) == (None, StatusCode.ERROR)
    assert (child.start_time, child.end_time) == (2_000_000_000, 3_500_000_000)
    assert root.attributes is not None
    assert dict(root.attributes) == {"event.id": EVENT, "provider": "stripe"}
    assert root.resource.attributes["service.name"] == "gateway"


def test_an_id_that_is_not_a_uuid_has_no_trace() -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing("gateway", exporter)
    tracing.record("webhook", "evt_1", 1.0, 2.0, {})
    tracing.close()
    assert exporter.get_finished_spans() == ()


@pytest.mark.parametrize(("endpoint", "is_on"), [(None, False), ("http://127.0.0.1:4318", True)])
def test_spans_are_made_where_an_endpoint_is_set(endpoint: str | None, is_on: bool) -> None:  # noqa: FBT001  # a case
    tracing = open_tracing("gateway", TracingSettings(otel_exporter_otlp_endpoint=endpoint))
    assert (tracing is not None) is is_on
    if tracing is not None:
        tracing.close()


def test_nothing_of_the_library_is_loaded_where_none_is_set() -> None:
    program = (
        "import sys; from kit.tracing import *; open_tracing('gateway', TracingSettings());"
        "sys.exit('opentelemetry.sdk' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False)  # noqa: S603  # our own words
    assert done.returncode == 0
