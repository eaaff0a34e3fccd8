"""The models' verdicts."""

from typing import Protocol

from payments_contracts.inference import (
    FraudScore,
    FraudScoreRequest,
    RetryStrategyRequest,
    RetryStrategyResponse,
)
from temporalio import activity

from orchestrator.inquiries import Customer
from orchestrator.scoring import with_customer


class Inference(Protocol):
    """The models. Both methods raise Transient while they are away, and Fault if they refuse the request's form."""

    async def score_fraud(self, request: FraudScoreRequest) -> FraudScore:
        """Return the probability of fraud."""

    async def advise_retry(self, request: RetryStrategyRequest) -> RetryStrategyResponse:
        """Return advice on charging again."""


class Customers(Protocol):
    """Knows customers; what cannot be told in time is not known, and nothing is raised."""

    async def customer(self, request: FraudScoreRequest) -> Customer | None:
        """Return what is known of who pays, before the event; None where nothing is."""


class InferenceActivities:
    """Asks the inference service."""

    def __init__(self, inference: Inference, customers: Customers | None = None) -> None:
        self._inference = inference
        self._customers = customers

    @activity.defn
    async def get_fraud_score(self, request: FraudScoreRequest) -> FraudScore:
        """Return the probability of fraud, by what the request says and what is known of the customer.

        Raises:
            Transient: The service is away.
            Fault: The service refuses the request's form, or its answer has another than the contract's.
        """
        customer = None if self._customers is None else await self._customers.customer(request)
        return await self._inference.score_fraud(with_customer(request, customer))

    @activity.defn
    async def get_retry_strategy(self, request: RetryStrategyRequest) -> RetryStrategyResponse:
        """Return advice on charging a failed payment again; raises as `get_fraud_score` does."""
        return await self._inference.advise_retry(request)
