"""A gateway in process, with a producer in memory in place of Kafka."""

import asyncio
import hashlib
import hmac
import io
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import fastavro
import httpx
import orjson
import pytest
from gateway.app import GatewayApp, build_app
from gateway.metrics import GatewayMetrics
from gateway.secrets import EndpointSecret
from gateway.signature import Verifier, verifier
from gateway.testing import listening
from kit.kafka.testing import MemoryProducer
from payments_contracts.providers import PROVIDERS, Provider
from payments_contracts.schemas import schema
from payments_contracts.topics import INGESTION_DLQ, Topic, raw_topic
from prometheus_client import CollectorRegistry

if TYPE_CHECKING:
    from kit.errors import Fault, Transient

STRIPE = PROVIDERS["stripe"]
# One that is a secret in every encoding of keys.
SECRET = "0123456789abcdef"
SECRETS = ({"id": "unit", "secret": SECRET, "merchant_id": "merch_endpoint"},)
NOW = datetime(2026, 5, 1, 12, 0, 0, 123000, tzinfo=UTC)

Until = Callable[[Callable[[], bool]], Awaitable[None]]


class Clock:
    """Shows what it is set to."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class Schemas:
    """A registry in memory. Set `trouble` to have it raised."""

    def __init__(self) -> None:
        self.trouble: Fault | Transient | None = None
        self.id = 11
        self.lookups = 0

    def __call__(self, topic: Topic) -> int:
        self.lookups += 1
        if self.trouble is not None:
            raise self.trouble
        return self.id


@dataclass
class Gateway:
    """A gateway, what it needs, what it wrote and what it counted."""

    provider: Provider
    app: GatewayApp
    verifier: Verifier
    producer: MemoryProducer
    registry: CollectorRegistry
    client: httpx.AsyncClient
    clock: Clock
    schemas: Schemas
    faults: list[str]
    refusals: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """Go through the app's lifespan."""
        async with self.app.fastapi.router.lifespan_context(self.app.fastapi):
            yield

    @property
    def reception(self) -> Any:
        """Return what answers webhooks."""
        [reception] = set(self.app.endpoints.values())
        return reception

    async def send(self, body: bytes, headers: Sequence[tuple[str, str]]) -> httpx.Response:
        """Send a body with headers as they are."""
        return await self.client.post(f"/webhooks/{self.provider.name}", content=body, headers=list(headers))

    async def post(self, body: bytes, **headers: str) -> httpx.Response:
        """Send a body, signed as Stripe does it now unless a signature is given."""
        headers = {"Stripe_Signature": signature(body, at=self.clock.now), "Content_Type": "application/json"} | headers
        return await self.send(body, [(name.replace("_", "-"), value) for name, value in headers.items()])

    def records(self, topic: Topic) -> list[tuple[bytes, dict[str, Any]]]:
        """Return keys and decoded records that were written to a topic."""
        read = []
        for name, key, value in self.producer.records:
            if name == topic.name:
                assert value[:5] == b"\x00" + self.schemas.id.to_bytes(4, "big")
                parsed = fastavro.parse_schema(orjson.loads(schema(topic.record, topic.version)))
                record: Any = fastavro.schemaless_reader(io.BytesIO(value[5:]), parsed, None)
                read.append((key, record))
        return read

    def count(self, outcome: str, reason: str = "") -> float:
        """Return how many webhooks were counted."""
        labels = {"provider": self.provider.name, "outcome": outcome, "reason": reason}
        return self.registry.get_sample_value("gateway_webhooks_total", labels) or 0.0

    async def readiness(self) -> tuple[int, dict[str, str]]:
        """Return the status of /readyz, and what each check says."""
        answer = await self.client.get("/readyz")
        return answer.status_code, answer.json()["checks"]


def signature(body: bytes, secret: str = SECRET, at: datetime = NOW) -> str:
    """Sign a body as Stripe documents it."""
    timestamp = int(at.timestamp())
    mac = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"t={timestamp},v1={mac.hexdigest()}"


def build(
    provider: Provider,
    now: datetime = NOW,
    max_concurrent: int = 100,
    secrets: Sequence[object] = SECRETS,
    replay_until: float = -math.inf,
) -> Gateway:
    """Put the gateway of any provider together; it has not started yet."""
    producer = MemoryProducer([raw_topic(provider.name).name, INGESTION_DLQ.name])
    registry = CollectorRegistry()
    faults: list[str] = []
    known = [EndpointSecret.model_validate(each) for each in secrets]
    judge = verifier(provider.signature, known, f"https://example.com/webhooks/{provider.name}")
    clock, schemas = Clock(now), Schemas()
    app = build_app(
        provider=provider,
        verifier=judge,
        producer=producer,
        schema_id_of=schemas,
        clock=clock,
        metrics=GatewayMetrics(provider.name, registry),
        registry=registry,
        max_concurrent=max_concurrent,
        on_fault=lambda: faults.append("fault"),
        replay_until=replay_until,
    )
    return Gateway(provider, app, judge, producer, registry, httpx.AsyncClient(), clock, schemas, faults)


@pytest.fixture
def sign() -> Callable[..., str]:
    return signature


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
async def make() -> AsyncIterator[Callable[..., Awaitable[Gateway]]]:
    """Give the gateway of a provider; it has not started yet."""
    async with AsyncExitStack() as open_:

        async def made(provider: Provider = STRIPE, **options: Any) -> Gateway:
            gateway = build(provider, **options)
            url = await open_.enter_async_context(listening(gateway.app, gateway.refusals.append))
            gateway.client.base_url = url
            await open_.enter_async_context(gateway.client)
            return gateway

        yield made


@pytest.fixture
async def opened(
    make: Callable[..., Awaitable[Gateway]], until: Until
) -> AsyncIterator[Callable[..., Awaitable[Gateway]]]:
    """Give the gateway of a provider, ready."""
    async with AsyncExitStack() as lives:

        async def open_(provider: Provider = STRIPE, **options: Any) -> Gateway:
            gateway = await make(provider, **options)
            await lives.enter_async_context(gateway.alive())
            await until(lambda: gateway.producer.check() is None)
            return gateway

        yield open_


@pytest.fixture
async def cold(make: Callable[..., Awaitable[Gateway]]) -> Gateway:
    """A gateway of Stripe's that has not started yet."""
    return await make()


@pytest.fixture
async def gateway(opened: Callable[..., Awaitable[Gateway]]) -> Gateway:
    """A gateway of Stripe's that is ready."""
    return await opened()


@pytest.fixture
def until() -> Until:
    """Wait until something is so."""

    async def wait(condition: Callable[[], bool]) -> None:
        while not condition():  # noqa: ASYNC110  # the condition is not ours to signal
            await asyncio.sleep(0.005)
        await asyncio.sleep(0)

    return wait
