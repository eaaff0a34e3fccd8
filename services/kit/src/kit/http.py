"""What every FastAPI server of the pipeline answers beside its own work. Needs the extra `http`."""

import signal
from typing import Annotated, Literal

import uvicorn
from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import REGISTRY, CollectorRegistry
from pydantic import BaseModel, ConfigDict, Field

from kit.health import Checks, examine
from kit.metrics import CONTENT_TYPE, exposition

_STOP_SECONDS = 20


def serve(app: FastAPI, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are answered first, for twenty seconds at most."""
    # uvicorn raises the signal again once it has shut down in order; that is a success.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )


class Health(BaseModel):
    """The process is alive."""

    model_config = ConfigDict(frozen=True)

    status: Annotated[Literal["alive"], Field(description="Always `alive`.")]


class Readiness(BaseModel):
    """Whether the service can do its work now."""

    model_config = ConfigDict(frozen=True)

    status: Annotated[Literal["ready", "not_ready"], Field(description="The verdict over all checks.")]
    checks: Annotated[
        dict[str, str],
        Field(description="Each thing that the service needs, with `ok` or what is wrong with it."),
    ]


def operational_routes(
    checks: Checks,
    registry: CollectorRegistry = REGISTRY,
    *,
    ready: str = "Whether the service can do its work now",
) -> APIRouter:
    """Make the routes /healthz, /readyz and /metrics of a server.

    Args:
        checks: What the server needs; each is run in a worker thread, so it may block.
        registry: Where its metrics are.
        ready: What readiness means for this server, as the summary in its OpenAPI document.
    """
    routes = APIRouter()

    @routes.get(
        "/healthz",
        operation_id="health",
        summary="Whether the process is alive",
        response_description="It is.",
        response_model=Health,
    )
    async def health() -> Response:
        return JSONResponse({"status": "alive"})

    @routes.get(
        "/readyz",
        operation_id="readiness",
        summary=ready,
        response_description="They can.",
        response_model=Readiness,
        responses={503: {"model": Readiness, "description": "They cannot; `checks` says why."}},
    )
    def readiness() -> Response:
        verdict = examine(checks)
        return JSONResponse(verdict.as_json(), status_code=200 if verdict.ready else 503)

    @routes.get(
        "/metrics",
        operation_id="metrics",
        summary="Metrics in the Prometheus text format",
        response_description="The metrics.",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    def metrics() -> Response:
        return Response(exposition(registry), media_type=CONTENT_TYPE)

    return routes
