"""What every FastAPI server of the pipeline answers beside its own work. Needs the extra `http`."""

from typing import Annotated, Literal

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import REGISTRY, CollectorRegistry
from pydantic import BaseModel, ConfigDict, Field

from kit.health import Checks, examine
from kit.metrics import CONTENT_TYPE, exposition


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
