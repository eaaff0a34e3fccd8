"""What each event's lines of the log and spans have in common, around its start and around each of its activities."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from kit.tracing import Tracing, about_event
from payments_contracts.pins.orchestrator import PaymentEvent
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from orchestrator.messages import Position


class Spans:
    """Binds what is logged of an event, and makes its spans, where they are exported.

    Args:
        tracing: Makes spans; None where they go nowhere.
    """

    def __init__(self, tracing: Tracing | None) -> None:
        self._tracing = tracing

    @contextmanager
    def starting(self, event: PaymentEvent, position: Position) -> Iterator[None]:
        """Surround the start of an event's workflow; the normalizer's span is made too, from what the event tells."""
        began = time.time()
        with structlog.contextvars.bound_contextvars(**about_event(event.event_id, merchant_id=event.merchant_id)):
            yield
        if self._tracing is None:
            return
        place: dict[str, str | int] = {
            "messaging.system": "kafka",
            "messaging.destination.name": position.topic,
            "messaging.destination.partition.id": str(position.partition),
            "messaging.kafka.offset": position.offset,
            "payments.event_type": event.event_type,
            "payments.schema_version": event.schema_version,
        }
        if event.received_at is not None and position.written_at is not None:
            times = event.received_at.timestamp(), position.written_at.timestamp()
            self._tracing.record("normalize", event.event_id, *times, place)
        self._tracing.record("start workflow", event.event_id, began, time.time(), place, kind="consumer")

    @contextmanager
    def doing(self, name: str, event_id: str, merchant_id: str, attempt: int) -> Iterator[None]:
        """Surround an activity."""
        began, failure = time.time(), None
        try:
            with structlog.contextvars.bound_contextvars(**about_event(event_id, merchant_id=merchant_id)):
                yield
        except BaseException as error:
            # The type alone: what an error says may quote what it was about.
            failure = error.type if isinstance(error, ApplicationError) else type(error).__name__
            raise
        finally:
            if self._tracing is not None:
                about: dict[str, str | int] = {"payments.merchant_id": merchant_id, "temporal.attempt": attempt}
                self._tracing.record(name, event_id, began, time.time(), about, error=failure)


class EventInterceptor(Interceptor):
    """Surrounds each activity of a worker; the id of its workflow is that of the event."""

    def __init__(self, spans: Spans) -> None:
        self._spans = spans

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002  # the base class's name
        """Return what surrounds activities."""
        return _Surrounded(next, self._spans)


class _Surrounded(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, spans: Spans) -> None:
        super().__init__(following)
        self._spans = spans

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002  # the base class's name
        info = activity.info()
        event_id = info.workflow_id or ""
        with self._spans.doing(info.activity_type, event_id, _merchant(input.args), info.attempt):
            return await super().execute_activity(input)


def _merchant(arguments: Any) -> str:
    """Return the merchant of an activity's argument, which is an event, a row, or holds one of them."""
    for each in arguments:
        for held in (each, getattr(each, "payment", None), getattr(each, "event", None)):
            merchant_id = getattr(held, "merchant_id", None)
            if isinstance(merchant_id, str):
                return merchant_id
    return ""
