"""The HTTP interface of the models."""

import asyncio
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from kit.http import operational_routes
from kit.metrics import LATENCY_BUCKETS
from payments_contracts.inference import (
    FraudScore,
    FraudScoreRequest,
    Problem,
    RetryStrategyRequest,
    RetryStrategyResponse,
)
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

from inference.fraud import score
from inference.latency import Latency
from inference.retry import advise

_PROBLEM_JSON = "application/problem+json"
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    422: {
        "model": Problem,
        "description": "The request does not have the form of its contract. Sending it again does not help.",
    },
    503: {"model": Problem, "description": "The model is not available now. Send the request again later."},
}


def build_app(latency: Latency, registry: CollectorRegistry = REGISTRY) -> FastAPI:
    """Make the service.

    Args:
        latency: How long the models pretend to think.
        registry: Where its metrics go.
    """
    answers = Counter("inference_answers", "Verdicts given.", ["model", "verdict"], registry=registry)
    refusals = Counter("inference_refusals", "Requests that had not the form of the contract.", registry=registry)
    seconds = Histogram(
        "inference_seconds", "Time that a verdict took.", ["model"], buckets=LATENCY_BUCKETS, registry=registry
    )
    app = FastAPIOffline(
        title="Inference",
        version="1",
        description="Scores a payment for fraud and advises on charging a failed one again. "
        "Equal requests get equal answers.",
    )

    @app.post(
        "/fraud/score",
        operation_id="score_fraud",
        summary="Probability that a payment is fraudulent",
        response_description="The score.",
        responses=_PROBLEMS,
    )
    async def score_fraud(request: FraudScoreRequest) -> FraudScore:
        with seconds.labels("fraud").time():
            await asyncio.sleep(latency.seconds(request.event_id))
            verdict = score(request)
        answers.labels("fraud", verdict.risk_level).inc()
        return verdict

    @app.post(
        "/retry/strategy",
        operation_id="advise_retry",
        summary="Whether and when to charge a failed payment again",
        response_description="The advice.",
        responses=_PROBLEMS,
    )
    async def advise_retry(request: RetryStrategyRequest) -> RetryStrategyResponse:
        with seconds.labels("retry").time():
            await asyncio.sleep(latency.seconds(request.event_id))
            verdict = advise(request)
        answers.labels("retry", "retry" if verdict.should_retry else "give_up").inc()
        return verdict

    @app.exception_handler(RequestValidationError)
    async def refuse(_request: Request, error: RequestValidationError) -> JSONResponse:
        refusals.inc()
        return _problem(error)

    app.include_router(operational_routes({}, registry, ready="Whether requests can be answered now"))
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]  # FastAPI's own way to extend the document
    return app


def _problem(error: RequestValidationError) -> JSONResponse:
    # Input values are left out: they may be personal data.
    complaints = (f"{'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors())
    problem = Problem(
        type="about:blank",
        title=HTTPStatus.UNPROCESSABLE_ENTITY.phrase,
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        detail=f"The request does not have the form of its contract: {'; '.join(complaints)}.",
    )
    return JSONResponse(problem.model_dump(), HTTPStatus.UNPROCESSABLE_ENTITY, media_type=_PROBLEM_JSON)


def _document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, with problems under their own media type, which FastAPI cannot say."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        for operations in document["paths"].values():
            for operation in operations.values():
                for status in map(str, _PROBLEMS):
                    content = operation["responses"].get(status, {}).get("content", {})
                    if "Problem" in str(content):
                        content[_PROBLEM_JSON] = content.pop("application/json")
        app.openapi_schema = document
    return app.openapi_schema
