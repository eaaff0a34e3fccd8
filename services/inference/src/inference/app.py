"""The HTTP interface of the models."""

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, FastAPI, Request
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

from inference.description import PROBLEM_JSON, PROBLEMS, body, document
from inference.fraud import score
from inference.latency import Latency
from inference.requests import RefusedError, reader
from inference.retry import advise


def build_app(latency: Latency, registry: CollectorRegistry = REGISTRY) -> FastAPI:
    """Make the service.

    Args:
        latency: How long the models pretend to think.
        registry: Where its metrics go.
    """
    answers = Counter("inference_answers", "Verdicts given.", ["model", "verdict"], registry=registry)
    refusals = Counter("inference_refusals", "Requests that did not have the form of the contract.", registry=registry)
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
        responses=PROBLEMS,
        openapi_extra=body(FraudScoreRequest),
    )
    async def score_fraud(request: Annotated[FraudScoreRequest, Depends(reader(FraudScoreRequest))]) -> FraudScore:
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
        responses=PROBLEMS,
        openapi_extra=body(RetryStrategyRequest),
    )
    async def advise_retry(
        request: Annotated[RetryStrategyRequest, Depends(reader(RetryStrategyRequest))],
    ) -> RetryStrategyResponse:
        with seconds.labels("retry").time():
            await asyncio.sleep(latency.seconds(request.event_id))
            verdict = advise(request)
        answers.labels("retry", verdict.action).inc()
        return verdict

    @app.exception_handler(RefusedError)
    async def refuse(_request: Request, error: RefusedError) -> JSONResponse:
        refusals.inc()
        problem = Problem(
            type="about:blank",
            title=HTTPStatus.UNPROCESSABLE_ENTITY.phrase,
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            detail=f"The request does not have the form of its contract: {error}.",
        )
        return JSONResponse(problem.model_dump(), HTTPStatus.UNPROCESSABLE_ENTITY, media_type=PROBLEM_JSON)

    app.include_router(operational_routes({}, registry, ready="Whether requests can be answered now"))
    served = document(app)
    app.openapi = lambda: served  # type: ignore[method-assign]  # FastAPI's own way to extend the document
    return app
