"""Sending, against a gateway in memory."""

import asyncio
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx
import pytest
from payments_contracts.examples import EXAMPLES
from payments_contracts.pins.simulator import LedgerEntry
from payments_contracts.providers import PROVIDERS
from simulator.delivery import Answer, Delivery
from simulator.ledger import Ledger
from simulator.mix import parse_mix
from simulator.settings import EndpointSecret
from simulator.webhooks import Plan, Webhook, compose

STRIPE = PROVIDERS["stripe"]
URL = "https://example.com/webhooks"
NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
SECRET = EndpointSecret.model_validate({"id": "a", "secret": "whsec_a", "merchant_id": "merch_endpoint"})


def webhooks(count: int, mix: str = "accepted=1") -> list[Webhook]:
    plan = Plan("t1", count, 1, 2, 1, parse_mix(mix))
    return list(compose(plan, STRIPE, EXAMPLES, SECRET, NOW, notification_url=URL))


class Gateway:
    """Answers as it is told to, and remembers what came."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self.requests: list[httpx.Request] = []
        self._answer = answer

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._answer(request)

    async def receive(
        self,
        sent: list[Webhook],
        *,
        patience: float = 5,
        stop: asyncio.Event | None = None,
        clock: Iterator[datetime] | None = None,
    ) -> list[tuple[Webhook, Answer]]:
        """Have webhooks sent here and return the answers."""
        answers: list[tuple[Webhook, Answer]] = []
        times = clock if clock is not None else iter(lambda: NOW, None)
        async with httpx.AsyncClient(transport=httpx.MockTransport(self)) as client:
            delivery = Delivery(client, "http://gateway/webhooks/stripe", lambda: next(times), patience)
            await delivery.send_all(
                sent, None, 4, lambda webhook, answer: answers.append((webhook, answer)), stop or asyncio.Event()
            )
        return answers


def accept(sent: list[Webhook]) -> Callable[[httpx.Request], httpx.Response]:
    ids = {webhook.body: webhook.event_id for webhook in sent}
    return lambda request: httpx.Response(200, json={"event_id": ids[request.content], "status": "accepted"})


async def test_sends_each_webhook_once_as_it_is_and_signed() -> None:
    sent = webhooks(20)
    gateway = Gateway(accept(sent))
    answers = await gateway.receive(sent)
    assert sorted(request.content for request in gateway.requests) == sorted(webhook.body for webhook in sent)
    for request in gateway.requests:
        signature = request.headers["Stripe-Signature"]
        assert signature == sent[0].sign(request.content, int(NOW.timestamp()), {}).headers["stripe-signature"]
    assert [answer.contradiction(webhook) for webhook, answer in answers] == [None] * 20


async def test_sends_again_on_503_signed_anew() -> None:
    sent = webhooks(1)
    times = iter([NOW, NOW, NOW.replace(second=30)])
    refusals = iter([httpx.Response(503, headers={"Retry-After": "0"})])
    gateway = Gateway(lambda request: next(refusals, accept(sent)(request)))
    [(_, answer)] = await gateway.receive(sent, clock=times)
    assert (answer.status, answer.tries) == (200, 2)
    assert len({request.headers["Stripe-Signature"] for request in gateway.requests}) == 2


async def test_gives_up_when_patience_ends() -> None:
    sent = webhooks(1)
    [(webhook, answer)] = await Gateway(lambda _request: httpx.Response(503)).receive(sent, patience=0.2)
    assert answer.contradiction(webhook) == "status 503 instead of 200"


async def test_no_answer_at_all_is_status_zero() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    [(webhook, answer)] = await Gateway(refuse).receive(webhooks(1), patience=0.2)
    assert answer.status == 0
    assert answer.contradiction(webhook) == "status none instead of 200"


@pytest.mark.parametrize(
    ("response", "complaint"),
    [
        (httpx.Response(500, text="oops"), "status 500 instead of 200"),
        (httpx.Response(422, json={"reason_code": "not_json"}), "status 422 instead of 200"),
        (httpx.Response(200, json={"event_id": "other"}), "event_id other instead of"),
        (httpx.Response(200, text="fine"), "event_id None instead of"),
    ],
)
async def test_notices_an_answer_that_has_to_be_another(response: httpx.Response, complaint: str) -> None:
    [(webhook, answer)] = await Gateway(lambda _request: response).receive(webhooks(1))
    assert str(answer.contradiction(webhook)).startswith(complaint)


async def test_notices_a_wrong_reason() -> None:
    sent = webhooks(1, "malformed=1")
    response = httpx.Response(422, json={"event_id": sent[0].event_id, "reason_code": "other"})
    [(webhook, answer)] = await Gateway(lambda _request: response).receive(sent)
    assert str(answer.contradiction(webhook)).startswith("reason other instead of")


async def test_sends_no_more_once_stopped() -> None:
    sent = webhooks(10)
    stop = asyncio.Event()
    stop.set()
    assert await Gateway(accept(sent)).receive(sent, stop=stop) == []


async def test_the_ledger_has_a_line_for_each_webhook() -> None:
    sent = webhooks(30, "accepted=10,malformed=10,rejected=10")
    file = io.BytesIO()
    ledger = Ledger(file)
    for webhook in sent:
        ledger.write(webhook, Answer(200, None, None, NOW, 0.1, 1))
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert [line["n"] for line in lines] == list(range(30))
    by_id = {webhook.event_id: webhook for webhook in sent}
    for line in lines:
        webhook = by_id[line["event_id"]]
        entry = LedgerEntry.model_validate(line, strict=False)
        expectation = webhook.expectation
        assert (entry.run, entry.provider, entry.kind) == ("t1", "stripe", webhook.kind.value)
        assert (entry.provider_event_id, entry.account) == (webhook.entry.provider_event_id, webhook.entry.account)
        assert entry.expected_reason_codes == list(webhook.entry.expected_reason_codes)
        assert (entry.expected_amount_cents is None) == (expectation is None)
        if expectation is not None:
            assert entry.expected_amount_cents == expectation.amount_cents
            assert (entry.expected_currency, entry.expected_status) == (expectation.currency, expectation.status)
        assert (entry.http_status, entry.sent_at) == (200, NOW)
