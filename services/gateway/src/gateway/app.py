"""Composition root: puts the gateway together from its ports."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any

import orjson
import stamina
import structlog
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from kit.clock import Clock
from kit.errors import Fault, Transient
from kit.http import operational_routes
from payments_contracts.gateway import Accepted
from payments_contracts.providers import Provider
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway import description
from gateway.metrics import GatewayMetrics
from gateway.problems import MEDIA_TYPE
from gateway.publication import Producer, Publication, Target
from gateway.reception import Reception
from gateway.signature import Verifier

_LOG = structlog.get_logger("gateway")


def build_app(
    *,
    provider: Provider,
    verifier: Verifier,
    producer: Producer,
    accepted: Target,
    malformed: Target,
    clock: Clock,
    registry: CollectorRegistry,
    on_fault: Callable[[], None],
) -> FastAPI:
    """Put one provider's gateway together.

    Args:
        provider: Whose webhooks it receives.
        verifier: Tells authentic from forged.
        producer: Writes to Kafka; the app warms it up at its start and closes it at its end.
        accepted: Where events go.
        malformed: Where authentic webhooks go that are no events.
        clock: Gives the time at which a webhook was received.
        registry: Where metrics are kept.
        on_fault: Called when the gateway cannot do its work any more and has to be stopped.
    """
    publication = Publication(provider.name, producer, accepted, malformed)
    reception = Reception(
        provider=provider,
        verifier=verifier,
        publication=publication,
        clock=clock,
        metrics=GatewayMetrics(registry),
        on_fault=on_fault,
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        opening = asyncio.create_task(_open(reception, producer, publication.topics, on_fault))
        yield
        # By now the server has let every request finish.
        reception.is_open = False
        opening.cancel()
        with suppress(asyncio.CancelledError):
            await opening
        await producer.close()

    app = FastAPIOffline(
        title=f"Gateway for {provider.title} webhooks",
        version="1",
        description=(
            "Authenticates each webhook, looks at its structure, and answers only after Kafka has acknowledged it."
        ),
        lifespan=lifespan,
        exception_handlers={HTTPException: _answer_http_error},
    )
    app.add_api_route(
        f"/webhooks/{provider.name}",
        reception.receive,
        methods=["POST"],
        operation_id=f"receive_{provider.name}_webhook",
        summary="Receive one webhook",
        description="Sending the same event again is harmless: its `event_id` is derived from the event.",
        response_model=Accepted,
        response_description="The event is durable.",
        responses=description.responses(),
        openapi_extra=description.operation(provider),
    )
    checks = {
        "kafka": producer.check,
        "warm_up": lambda: None if reception.is_open else "not done yet",
        # Looked up before the app was built; without them the program does not start.
        "schemas": lambda: None,
    }
    app.include_router(operational_routes(checks, registry, ready="Whether webhooks can be accepted now"))
    served: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not served:
            served.update(description.document(app))
        return served

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document
    return app


async def _open(reception: Reception, producer: Producer, topics: list[str], on_fault: Callable[[], None]) -> None:
    try:
        async for attempt in stamina.retry_context(
            on=Transient, attempts=None, timeout=None, wait_initial=0.2, wait_max=2.0
        ):
            with attempt:
                await producer.warm_up(topics)
    except Fault as error:
        _LOG.critical("cannot start", detail=str(error))
        on_fault()
        return
    reception.is_open = True
    _LOG.info("open", topics=topics)


async def _answer_http_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    content = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": error.detail}
    return Response(orjson.dumps(content), status.value, error.headers, MEDIA_TYPE)
