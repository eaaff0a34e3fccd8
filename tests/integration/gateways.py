"""Gateways as processes of their own, and senders that sign for them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import ssl
import time
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
import pytest
from payments_contracts.topics import INGESTION_DLQ, STRIPE_RAW, Topic
from prometheus_client.parser import text_string_to_metric_families

from tests import processes
from tests.tail import Tail

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from tests.processes import Process

SECRET = "whsec_integration"
SECRETS = json.dumps([{"id": "it", "secret": SECRET, "merchant_id": "merch_endpoint"}])
PATIENCE_SECONDS = 60
# Never used: httpx makes one for each client from all the machine's certificates, which takes long.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def running(stack: Mapping[str, str], **changes: str) -> AbstractContextManager[Process]:
    """Run a gateway: Stripe's, with the secret above, where nothing else is said."""
    secrets = {} if "WEBHOOK_SECRETS_FILE" in changes else {"WEBHOOK_SECRETS": SECRETS}
    return processes.running("gateway", {**stack, "GATEWAY_PROVIDER": "stripe", **secrets, **changes})


def sign(body: bytes, secret: str = SECRET) -> dict[str, str]:
    now = int(time.time())
    mac = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={now},v1={mac}", "Content-Type": "application/json"}


def event(name: str = "", padding: int = 0) -> tuple[str, bytes]:
    """Return the id and the body of an event that has not happened before, of a type that no payment is made of.

    Thousands of these stay in the topic that the normalizer of a later test reads: rejected, so many would stop it.
    """
    provider_event_id = f"evt_{name}{uuid.uuid4().hex}"
    content = {"id": provider_event_id, "type": "quote.created", "created": 1_767_607_290}
    content |= {"account": "acct_it", "data": {"object": {"é": "\u2028", "padding": " " * padding}}}
    return provider_event_id, json.dumps(content, indent=3).encode()


def post(gateway: Process, body: bytes, headers: Mapping[str, str] | None = None) -> httpx.Response:
    return httpx.post(f"{gateway.url}/webhooks/stripe", content=body, headers=headers or sign(body), timeout=30)


def measured(gateway: Process, name: str, label: str) -> dict[str, float]:
    """Return what a counter of a gateway has counted, by one of its labels."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(httpx.get(f"{gateway.url}/metrics", timeout=30).text):
        for sample in family.samples:
            if sample.name == name:
                found[sample.labels[label]] = found.get(sample.labels[label], 0) + sample.value
    return found


@dataclass
class Load:
    """Webhooks that go out over many connections, one after the other on each, and what was answered."""

    sign: Callable[[bytes], Mapping[str, str]]
    padding: int = 0
    answers: list[tuple[bytes, httpx.Response]] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def statuses(self) -> set[int]:
        return {answer.status_code for _, answer in self.answers}

    @property
    def accepted(self) -> set[bytes]:
        """The bodies that were answered with 200."""
        return {body for body, answer in self.answers if answer.status_code == 200}

    async def more(self, count: int, status: int | None = None) -> None:
        """Wait for more answers, of a status if one is given."""
        since = len(self.answers)

        def came() -> bool:
            return sum(status in {None, each.status_code} for _, each in self.answers[since:]) >= count

        async with asyncio.timeout(PATIENCE_SECONDS), self.changed:
            await self.changed.wait_for(came)

    async def send(self, url: str) -> None:
        async with httpx.AsyncClient(timeout=PATIENCE_SECONDS, verify=_NO_TLS) as client:
            while True:
                _, body = event(padding=self.padding)
                answer = await client.post(url, content=body, headers=dict(self.sign(body)))
                async with self.changed:
                    self.answers.append((body, answer))
                    self.changed.notify_all()


@asynccontextmanager
async def loaded(
    gateway: Process, connections: int, signed: Callable[[bytes], Mapping[str, str]] = sign, padding: int = 0
) -> AsyncIterator[Load]:
    """Send webhooks until the context ends; what is under way then has no answer."""
    load = Load(signed, padding)
    sending = [asyncio.create_task(load.send(f"{gateway.url}/webhooks/stripe")) for _ in range(connections)]
    try:
        yield load
    finally:
        for each in sending:
            each.cancel()
        ended = await asyncio.gather(*sending, return_exceptions=True)
    assert {type(each) for each in ended} == {asyncio.CancelledError}, ended


@pytest.fixture
def tail_of(stack: Mapping[str, str]) -> Iterator[Callable[[Topic], Tail]]:
    """Read what is written to topics from now on."""
    tails: list[Tail] = []

    def begin(topic: Topic) -> Tail:
        tails.append(Tail(stack, topic))
        return tails[-1]

    yield begin
    for tail in tails:
        tail.close()


@pytest.fixture
def raw(tail_of: Callable[[Topic], Tail]) -> Tail:
    return tail_of(STRIPE_RAW)


@pytest.fixture
def dead_letters(tail_of: Callable[[Topic], Tail]) -> Tail:
    return tail_of(INGESTION_DLQ)
