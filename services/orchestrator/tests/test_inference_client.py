import json
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from kit.errors import Fault, Transient
from orchestrator import scoring
from orchestrator.inference_client import InferenceClient
from payments_contracts.pins.orchestrator import PaymentEvent

MakeEvent = Callable[..., PaymentEvent]
Answer = Callable[[httpx.Request], httpx.Response]


class Service:
    """Answers what it is told to and keeps the requests."""

    def __init__(self) -> None:
        self.answer: Answer = lambda _: httpx.Response(200, json={"score": 0.5, "risk_level": "medium"})
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answer(request)


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
async def client(service: Service) -> AsyncIterator[InferenceClient]:
    transport = httpx.MockTransport(service)
    async with InferenceClient("http://inference", timeout_seconds=1.0, transport=transport) as client:
        yield client


async def test_sends_the_request_of_the_contract(
    client: InferenceClient, service: Service, make_event: MakeEvent
) -> None:
    score = await client.score_fraud(scoring.fraud_request(make_event()))
    assert (score.score, score.risk_level) == (0.5, "medium")
    (request,) = service.requests
    assert request.url == "http://inference/fraud/score"
    assert json.loads(request.content)["occurred_at"] == "2025-03-01T12:00:00Z"


async def test_asks_for_advice(client: InferenceClient, service: Service, make_event: MakeEvent) -> None:
    service.answer = lambda _: httpx.Response(200, json={"should_retry": True, "delay_seconds": 5, "max_attempts": 2})
    advice = await client.advise_retry(scoring.retry_request(make_event(), None))
    assert (advice.should_retry, advice.delay_seconds, advice.max_attempts) == (True, 5, 2)


@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_a_service_that_cannot_now_is_transient(
    client: InferenceClient, service: Service, make_event: MakeEvent, status: int
) -> None:
    service.answer = lambda _: httpx.Response(status)
    with pytest.raises(Transient, match=str(status)):
        await client.score_fraud(scoring.fraud_request(make_event()))


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError])
async def test_a_service_that_does_not_answer_is_transient(
    client: InferenceClient, service: Service, make_event: MakeEvent, error: type[httpx.TransportError]
) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error("gone", request=request)

    service.answer = fail
    with pytest.raises(Transient, match=error.__name__):
        await client.score_fraud(scoring.fraud_request(make_event()))


@pytest.mark.parametrize("status", [404, 422])
async def test_a_refused_request_is_a_fault(
    client: InferenceClient, service: Service, make_event: MakeEvent, status: int
) -> None:
    service.answer = lambda _: httpx.Response(status)
    with pytest.raises(Fault, match=str(status)):
        await client.score_fraud(scoring.fraud_request(make_event()))


@pytest.mark.parametrize("body", [b"", b"{}", b'{"score": 7, "risk_level": "low"}'])
async def test_an_answer_of_another_form_is_a_fault(
    client: InferenceClient, service: Service, make_event: MakeEvent, body: bytes
) -> None:
    service.answer = lambda _: httpx.Response(200, content=body)
    with pytest.raises(Fault, match="another form"):
        await client.score_fraud(scoring.fraud_request(make_event()))
