"""Spans of events, exported by OTLP where an endpoint is set; where none is, nothing is made and nothing costs.

The id of an event's trace is the event's own id, a UUID, and so has 128 bits as a trace's id has. The span that the
others are children of has the second half of it. So every hop knows the context of an event from the event, whatever
carried it, and what was sent again is in one trace with what came before. To others it is told as a W3C traceparent:
https://www.w3.org/TR/trace-context/#traceparent-header. See docs/decisions/0052.

Needs the extra `tracing`. The endpoint and how it is reached are the variables of OpenTelemetry:
https://opentelemetry.io/docs/specs/otel/protocol/exporter/
"""

import random
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field

from kit.settings import EnvironmentSettings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

HEADER: Final = "traceparent"
"""Name of the header of a Kafka record."""
_HALF: Final = (1 << 64) - 1
Kind = Literal["server", "internal", "client", "producer", "consumer"]
Value = str | int | float | bool


class TracingSettings(EnvironmentSettings):
    """Where spans go. The exporter reads its other variables by itself."""

    otel_exporter_otlp_endpoint: str | None = Field(default=None, pattern=r"^https?://")
    otel_exporter_otlp_traces_endpoint: str | None = Field(default=None, pattern=r"^https?://")

    @property
    def is_on(self) -> bool:
        """Whether spans are exported."""
        return bool(self.otel_exporter_otlp_endpoint or self.otel_exporter_otlp_traces_endpoint)


def trace_id_of(event_id: str) -> str | None:
    """Return the id of an event's trace, as 32 hexadecimal digits; None where the event's id is not a UUID."""
    try:
        return uuid.UUID(event_id).hex
    except ValueError:
        return None


def traceparent(event_id: str) -> bytes | None:
    """Return the context of an event as the value of a header; None where the event's id is not a UUID."""
    trace_id = trace_id_of(event_id)
    return None if trace_id is None else f"00-{trace_id}-{trace_id[16:]}-01".encode()


def about_event(event_id: str, **more: str) -> dict[str, str]:
    """Return what every line of a log about an event says of it: its id, that of its trace, and more."""
    trace_id = trace_id_of(event_id)
    return {"event_id": event_id, **more} | ({} if trace_id is None else {"trace_id": trace_id})


def open_tracing(service: str, settings: TracingSettings) -> "Tracing | None":
    """Return what makes spans; None where no endpoint is set. Whoever opens it closes it."""
    if not settings.is_on:
        return None
    # Loaded only where it is used: it takes a quarter of a second.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    return Tracing(service, OTLPSpanExporter())


class Tracing:
    """Makes spans, and exports them from a thread of its own.

    Each is made when it is over, from its times. An exporter that is away costs nobody but whoever looks for its spans.

    Args:
        service: Name of the program.
        exporter: Where spans go.
    """

    def __init__(self, service: str, exporter: "SpanExporter") -> None:
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  # see open_tracing
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.sdk.trace.id_generator import IdGenerator  # noqa: PLC0415

        class Ids(IdGenerator):
            """Gives the ids that are set, else random ones."""

            trace: int | None = None
            span: int | None = None

            def generate_trace_id(self) -> int:
                return self.trace or random.getrandbits(128)

            def generate_span_id(self) -> int:
                return self.span or random.getrandbits(64)

        self._ids = Ids()
        self._provider: TracerProvider = TracerProvider(
            resource=Resource.create({"service.name": service}), id_generator=self._ids, shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("kit")

    def record(
        self,
        name: str,
        event_id: str,
        started: float,
        ended: float,
        attributes: Mapping[str, Value],
        *,
        kind: Kind = "internal",
        error: str | None = None,
        is_root: bool = False,
    ) -> None:
        """Make a span of an event. Call it from one thread.

        Args:
            name: What was done.
            event_id: Of which event; one that is not a UUID has no trace.
            started: When it began, in seconds since 1970.
            ended: When it was over, likewise.
            attributes: What is to be said of it; never of payloads, secrets or persons.
            kind: What it is to its trace.
            error: Why it failed, if it did.
            is_root: Whether it is the span that the others are children of.
        """
        from opentelemetry import trace  # noqa: PLC0415  # see open_tracing

        trace_id = trace_id_of(event_id)
        if trace_id is None:
            return
        number = int(trace_id, 16)
        context = None
        if is_root:
            self._ids.trace, self._ids.span = number, number & _HALF
        else:
            flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
            parent = trace.SpanContext(number, number & _HALF, is_remote=True, trace_flags=flags)
            context = trace.set_span_in_context(trace.NonRecordingSpan(parent))
        try:
            span = self._tracer.start_span(
                name,
                context,
                trace.SpanKind[kind.upper()],
                {"event.id": event_id, **attributes},
                start_time=int(started * 1e9),
            )
        finally:
            self._ids.trace = self._ids.span = None
        if error is not None:
            span.set_status(trace.StatusCode.ERROR, error)
        span.end(int(max(started, ended) * 1e9))

    def close(self) -> None:
        """Export what is left, for thirty seconds at most: the library gives up then, and drops the rest."""
        self._provider.shutdown()
