"""The models' verdicts."""

from typing import Protocol

from payments_contracts.inference import (
    FraudScore,
    FraudScoreRequest,
    RetryStrategyRequest,
    RetryStrategyResponse,
)
from temporalio import activity


class Inference(Protocol):
    """The models. Both methods raise Transient while they are away, and Fault if they refuse the request's form."""

    async def score_fraud(self, request: FraudScoreRequest) -> FraudScore:
        """Return the probability of fraud."""

    async def advise_retry(self, request: RetryStrategyRequest) -> RetryStrategyResponse:
        """Return advice on charging again."""


class InferenceActivities:
    """Asks the inference service."""

    def __init__(self, inference: Inference) -> None:
        self._inference = inference

    @activity.defn
    async def get_fraud_score(self, request: FraudScoreRequest) -> FraudScore:
        """Return the probability of fraud.

        Raises:
            Transient: The service is away.
            Fault: The service refuses the request's form, or its answer has another than the contract's.
        """
        return await self._inference.score_fraud(request)

    @activity.defn
    async def get_retry_strategy(self, request: RetryStrategyRequest) -> RetryStrategyResponse:
        """Return advice on charging a failed payment again; raises as `get_fraud_score` does."""
        return await self._inference.advise_retry(request)
