"""What Kafka does not take for its size is refused, and the gateway goes on."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from gateway.answers import Answer
from gateway.errors import KeyNeeded
from gateway.metrics import GatewayMetrics
from gateway.publication import Publication
from gateway.reception import Reception
from gateway.signature import Authentic
from kit.kafka.testing import MemoryProducer
from payments_contracts.gateway import Problem
from payments_contracts.providers import PROVIDERS
from payments_contracts.topics import INGESTION_DLQ, STRIPE_RAW
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

STRIPE = PROVIDERS["stripe"]
# Its contract takes more than Kafka does.
GENEROUS = replace(STRIPE, envelope=replace(STRIPE.envelope, max_body_bytes=2_000_000))
EVENT: dict[str, Any] = {"id": "evt_1", "type": "charge.succeeded", "created": 1_767_607_290, "data": {"object": {}}}
SMALL = orjson.dumps(EVENT)
LARGE = orjson.dumps(EVENT | {"private": "x" * 1_000_000})


class Trusting:
    """Takes everything for authentic."""

    def use(self, secrets: Sequence[object]) -> None:
        pass

    def verify(self, header: Sequence[str], body: bytes, now: float, carried: object = None) -> Authentic:
        return Authentic("unit", "merch_endpoint")

    async def follow(self) -> None:
        pass

    async def fetch(self, needed: KeyNeeded) -> None:
        pass

    def has_secret(self, now: float) -> bool:
        return True


class Endpoint:
    """An open reception, and what it wrote and counted."""

    def __init__(self) -> None:
        self.producer = MemoryProducer([STRIPE_RAW.name, INGESTION_DLQ.name])
        self.registry = CollectorRegistry()
        self.faults: list[str] = []
        self._publication = Publication("stripe", self.producer, STRIPE_RAW, INGESTION_DLQ, lambda _topic: 1)
        self._reception = Reception(
            provider=GENEROUS,
            verifier=Trusting(),
            publication=self._publication,
            clock=lambda: datetime(2026, 5, 1, tzinfo=UTC),
            metrics=GatewayMetrics("stripe", self.registry),
            max_concurrent=10,
            on_fault=lambda: self.faults.append("fault"),
        )
        self._reception.is_open = True

    async def post(self, body: bytes) -> Answer:
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        await self._publication.pin()
        webhook = self._reception.begin([], answered.set_result)
        assert webhook is not None
        self._reception.complete(webhook, body)
        return await answered

    def refused(self) -> float | None:
        labels = {"provider": "stripe", "outcome": "refused", "reason": "body_too_large"}
        return self.registry.get_sample_value("gateway_webhooks_total", labels)


@pytest.fixture
async def endpoint() -> Endpoint:
    return Endpoint()


@pytest.mark.parametrize("body", [LARGE, LARGE[:-1]])
async def test_answers_413_to_what_kafka_does_not_take_as_event_or_dead_letter(endpoint: Endpoint, body: bytes) -> None:
    answer = await endpoint.post(body)
    problem = Problem.model_validate_json(answer.body)
    assert (answer.status, problem.reason_code.root, problem.event_id) == (413, "body_too_large", None)
    assert endpoint.producer.records == []
    assert endpoint.refused() == 1


async def test_goes_on_after_it(endpoint: Endpoint) -> None:
    await endpoint.post(LARGE)
    assert (await endpoint.post(SMALL)).status == 200
    assert endpoint.faults == []


async def test_logs_what_is_wrong_without_the_payload(endpoint: Endpoint) -> None:
    with capture_logs() as logs:
        await endpoint.post(LARGE)
    (log,) = logs
    said = {"event": "record_refused", "log_level": "error", "detail": "Kafka does not accept a record of this size."}
    whose = {"merchant_id": "merch_endpoint", "trace_id": log["event_id"].replace("-", "")}
    assert log == said | whose | {"event_id": log["event_id"]}
