"""A gateway in process, with a producer in memory in place of Kafka."""

import asyncio
import hashlib
import hmac
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import fastavro
import httpx
import orjson
import pytest
from fastapi import FastAPI
from gateway.app import build_app
from gateway.publication import Target
from gateway.secrets import EndpointSecret
from gateway.signature import verifier
from kit.kafka import AvroEncoder
from kit.kafka.testing import MemoryProducer
from payments_contracts.providers import PROVIDERS, Provider
from payments_contracts.schemas import schema
from payments_contracts.topics import INGESTION_DLQ, STRIPE_RAW, Topic, raw_topic
from prometheus_client import CollectorRegistry

STRIPE = PROVIDERS["stripe"]
# One that is a secret in every encoding of keys.
SECRET = "0123456789abcdef"
NOW = datetime(2026, 5, 1, 12, 0, 0, 123000, tzinfo=UTC)
SCHEMA_IDS = {STRIPE_RAW.name: 11, INGESTION_DLQ.name: 12}


Until = Callable[[Callable[[], bool]], Awaitable[None]]


@dataclass
class Gateway:
    """A gateway, what it wrote and what it counted."""

    app: FastAPI
    producer: MemoryProducer
    registry: CollectorRegistry
    client: httpx.AsyncClient
    faults: list[str] = field(default_factory=list)

    async def post(self, body: bytes, **headers: str) -> httpx.Response:
        """Send a body as it is, signed unless a signature is given."""
        headers = {"Stripe_Signature": signature(body), "Content_Type": "application/json"} | headers
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post("/webhooks/stripe", content=body, headers=named)

    def records(self, topic: Topic) -> list[tuple[bytes, dict[str, Any]]]:
        """Return keys and decoded records that were written to a topic."""
        read = []
        for name, key, value in self.producer.records:
            if name == topic.name:
                assert value[:5] == b"\x00" + SCHEMA_IDS[name].to_bytes(4, "big")
                parsed = fastavro.parse_schema(orjson.loads(schema(topic.record, topic.version)))
                record: Any = fastavro.schemaless_reader(io.BytesIO(value[5:]), parsed, None)
                read.append((key, record))
        return read

    def count(self, outcome: str, reason: str = "") -> float:
        """Return how many webhooks were counted."""
        labels = {"provider": "stripe", "outcome": outcome, "reason": reason}
        return self.registry.get_sample_value("gateway_webhooks_total", labels) or 0.0


def signature(body: bytes, secret: str = SECRET, at: datetime = NOW) -> str:
    """Sign a body as Stripe documents it."""
    timestamp = int(at.timestamp())
    mac = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"t={timestamp},v1={mac.hexdigest()}"


def target(topic: Topic) -> Target:
    """Pretend that a topic's schema is registered."""
    return Target(topic, AvroEncoder(schema(topic.record, topic.version), SCHEMA_IDS.get(topic.name, 1)))


@pytest.fixture
def sign() -> Callable[..., str]:
    return signature


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
async def producer() -> MemoryProducer:
    return MemoryProducer([STRIPE_RAW.name, INGESTION_DLQ.name])


def build(provider: Provider, producer: MemoryProducer, registry: CollectorRegistry, faults: list[str]) -> FastAPI:
    """Put the gateway of any provider together, with one secret."""
    secret = EndpointSecret.model_validate({"id": "unit", "secret": SECRET, "merchant_id": "merch_endpoint"})
    return build_app(
        provider=provider,
        verifier=verifier(provider.signature, [secret], f"https://example.com/webhooks/{provider.name}"),
        producer=producer,
        accepted=target(raw_topic(provider.name)),
        malformed=target(INGESTION_DLQ),
        clock=lambda: NOW,
        registry=registry,
        on_fault=lambda: faults.append("fault"),
    )


@pytest.fixture
def app_of(producer: MemoryProducer) -> Callable[[Provider], FastAPI]:
    """Give the app of a provider's gateway."""
    return lambda provider: build(provider, producer, CollectorRegistry(), [])


@pytest.fixture
async def cold(producer: MemoryProducer) -> AsyncIterator[Gateway]:
    """A gateway that has not started yet."""
    faults: list[str] = []
    registry = CollectorRegistry()
    app = build(STRIPE, producer, registry, faults)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield Gateway(app, producer, registry, client, faults)


@pytest.fixture
async def gateway(cold: Gateway, until: Until) -> AsyncIterator[Gateway]:
    """A gateway that is ready."""
    async with cold.app.router.lifespan_context(cold.app):
        await until(lambda: cold.producer.check() is None)
        yield cold


@pytest.fixture
def until() -> Until:
    """Wait until something is so."""

    async def wait(condition: Callable[[], bool]) -> None:
        while not condition():  # noqa: ASYNC110  # the condition is not ours to signal
            await asyncio.sleep(0.005)
        await asyncio.sleep(0)

    return wait
