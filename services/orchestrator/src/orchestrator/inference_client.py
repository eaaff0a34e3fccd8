"""The inference service over HTTP."""

from http import HTTPStatus
from types import TracebackType
from typing import Self, TypeVar

import httpx
from kit.errors import Fault, Transient
from payments_contracts.inference import (
    FraudScore,
    FraudScoreRequest,
    RetryStrategyRequest,
    RetryStrategyResponse,
)
from pydantic import BaseModel, ValidationError

from orchestrator.circuit import Circuits

M = TypeVar("M", bound=BaseModel)

_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


class InferenceClient:
    """Asks the models; each method is one request, tried once. An async context manager.

    Args:
        url: Base URL of the service.
        timeout_seconds: Limit of each request.
        circuits: The circuit breakers of the process.
        transport: For tests: what answers in the place of the network.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float,
        circuits: Circuits | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._url = url
        self._circuits = circuits or Circuits()
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=timeout_seconds,
            transport=transport,
            limits=httpx.Limits(max_connections=200, max_keepalive_connections=50),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def score_fraud(self, request: FraudScoreRequest) -> FraudScore:
        """Return the probability of fraud.

        Raises:
            Unavailable: It has failed too often lately and is not asked.
            Transient: The service does not answer, or says that it cannot now.
            Fault: It refuses the request's form, or answers in another form than the contract's.
        """
        async with self._circuits.asking("fraud_score"):
            return await self._ask("/fraud/score", request, FraudScore)

    async def advise_retry(self, request: RetryStrategyRequest) -> RetryStrategyResponse:
        """Return advice on charging again; raises as `score_fraud` does."""
        async with self._circuits.asking("retry_strategy"):
            return await self._ask("/retry/strategy", request, RetryStrategyResponse)

    async def _ask(self, path: str, request: BaseModel, form: type[M]) -> M:
        try:
            answer = await self._client.post(
                path, content=request.model_dump_json(), headers={"content-type": "application/json"}
            )
        except httpx.TransportError as error:
            raise Transient(f"{self._url}{path} does not answer: {type(error).__name__}") from error
        if answer.is_server_error or answer.status_code in _PASSING:
            raise Transient(f"{self._url}{path} answers {answer.status_code}")
        if not answer.is_success:
            raise Fault(
                f"{self._url}{path} refuses the request with {answer.status_code}; do both follow one contract?"
            )
        try:
            return form.model_validate_json(answer.content)
        except ValidationError:
            raise Fault(f"{self._url}{path} answers in another form than its contract's") from None
