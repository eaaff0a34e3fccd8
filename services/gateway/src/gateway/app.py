"""Composition root: puts the gateway together from its ports."""

import asyncio
import math
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
from kit.tracing import Tracing
from payments_contracts.providers import Provider
from payments_contracts.topics import INGESTION_DLQ, raw_topic
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateway import description
from gateway.composed import is_composed
from gateway.composed_reception import ComposedReception
from gateway.metrics import GatewayMetrics
from gateway.problems import MEDIA_TYPE, problem
from gateway.publication import Producer, Publication, SchemaIdOf
from gateway.reception import Reception
from gateway.signature import Verifier

_LOG = structlog.get_logger("gateway")
_SECONDS_BETWEEN_LOOKUPS = 30.0


class GatewayApp:
    """What the gateway's server serves: `endpoints` has what answers webhooks, all else goes through FastAPI.

    Through ASGI and FastAPI to a route, a webhook would take more than twice the time (decision 15).
    """

    def __init__(self, path: str, reception: Reception, fastapi: FastAPI) -> None:
        self.fastapi = fastapi
        self.endpoints = {path.encode(): reception}
        # Of other methods than POST, which does not get here.
        fastapi.router.routes.append(Route(path, _OnlyPost()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is no webhook, or go through a lifespan."""
        await self.fastapi(scope, receive, send)


class _OnlyPost:
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = HTTPStatus.METHOD_NOT_ALLOWED
        answer = problem(status, None, "Webhooks are sent with POST.")
        headers = {name.decode(): value.decode() for name, value in answer.headers} | {"allow": "POST"}
        await Response(answer.body, status.value, headers)(scope, receive, send)


def build_app(
    *,
    provider: Provider,
    verifier: Verifier,
    producer: Producer,
    schema_id_of: SchemaIdOf,
    clock: Clock,
    metrics: GatewayMetrics,
    registry: CollectorRegistry,
    max_concurrent: int,
    on_fault: Callable[[], None],
    replay_until: float = -math.inf,
    tracing: Tracing | None = None,
) -> GatewayApp:
    """Put one provider's gateway together.

    Args:
        provider: Whose webhooks it receives.
        verifier: Tells authentic from forged.
        producer: Writes to Kafka; the app warms it up at its start and closes it at its end.
        schema_id_of: Finds the registered schema of a topic.
        clock: Gives the time at which a webhook was received.
        metrics: What it counts.
        registry: Where metrics are kept.
        max_concurrent: How many webhooks may be under way.
        on_fault: Called when the gateway cannot do its work any more and has to be stopped.
        replay_until: Until when events of any age are taken, in seconds since 1970.
        tracing: Makes spans, where they are exported.
    """
    raw = raw_topic(provider.name)
    event_types = provider.accepted_event_types | provider.unmapped.keys()
    publication = Publication(
        provider.name, producer, raw, INGESTION_DLQ, schema_id_of, tracing=tracing, event_types=event_types
    )
    kind = ComposedReception if is_composed(provider) else Reception
    reception = kind(
        provider=provider,
        verifier=verifier,
        publication=publication,
        clock=clock,
        metrics=metrics,
        max_concurrent=max_concurrent,
        replay_until=replay_until,
        on_fault=on_fault,
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        # Keys are followed beside everything else: a webhook whose key is known waits for nobody.
        tasks = [
            asyncio.create_task(_open(reception, publication, producer, on_fault)),
            asyncio.create_task(verifier.follow()),
        ]
        yield
        # By now the server has let every request finish.
        reception.is_open = False
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await producer.close()

    app = FastAPIOffline(
        title=f"Gateway for {provider.title} webhooks",
        version="1",
        description=(
            "Authenticates each webhook, looks at its structure, and answers only after Kafka has acknowledged it."
        ),
        lifespan=lifespan,
        # A redirect would lead to plain HTTP, where a proxy has ended TLS, and providers follow none.
        redirect_slashes=False,
        exception_handlers={HTTPException: _answer_http_error},
    )
    checks = {
        "kafka": producer.check,
        "schemas": publication.check,
        "secrets": lambda: None if verifier.has_secret(clock().timestamp()) else "the time of no secret is now",
        "warm_up": lambda: None if reception.is_open else "not done yet",
    }
    app.include_router(operational_routes(checks, registry, ready="Whether webhooks can be accepted now"))
    served: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not served:
            served.update(description.document(app, provider))
        return served

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document
    return GatewayApp(f"/webhooks/{provider.name}", reception, app)


async def _open(
    reception: Reception, publication: Publication, producer: Producer, on_fault: Callable[[], None]
) -> None:
    """Open the reception once webhooks can be written, and close it for as long as their schemas are not registered."""
    try:
        async for attempt in stamina.retry_context(
            on=Transient, attempts=None, timeout=None, wait_initial=0.2, wait_max=2.0
        ):
            with attempt:
                await publication.pin()
                await producer.warm_up(publication.topics)
    except Fault as error:
        _LOG.critical("start_failed", detail=str(error))
        on_fault()
        return
    reception.is_open = True
    _LOG.info("open", topics=publication.topics)
    while True:
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKUPS)
        await _look_again(reception, publication)


async def _look_again(reception: Reception, publication: Publication) -> None:
    try:
        await publication.pin()
    except Transient as error:
        # What is registered stays so; the gateway needs the registry no more.
        _LOG.warning("registry_away", detail=str(error))
        return
    except Fault as error:
        # What is written now nobody could read, or would read as something else.
        _LOG.error("closed", detail=str(error))
        reception.is_open = False
        return
    if not reception.is_open:
        _LOG.info("opened_again")
        reception.is_open = True


async def _answer_http_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    content = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": error.detail}
    return Response(orjson.dumps(content), status.value, error.headers, MEDIA_TYPE)
