"""Sends webhooks to the real gateway of any provider and prints, as JSON, what comes out at the normalizer's end.

Run in an interpreter of its own, with a generated package on PYTHONPATH and the gateway's settings in the environment.
Standard input holds the webhooks: a JSON list of `{"headers": {…}, "body": "<base64>"}`. It knows no provider by name.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastavro
import httpx
import orjson
import payments_contracts
from gateway.app import build_app
from gateway.fetching import Document
from gateway.metrics import GatewayMetrics
from gateway.settings import GatewaySettings
from gateway.signature import verifier
from gateway.testing import listening
from kit.kafka.testing import MemoryProducer
from kit.logging import configure
from kit.settings import load
from payments_contracts.examples import EXAMPLES
from payments_contracts.flink import evaluate
from payments_contracts.normalize import Normalized, Rejected, Unsupported
from payments_contracts.providers import PROVIDERS
from payments_contracts.schemas import schema
from payments_contracts.topics import INGESTION_DLQ, TOPICS, raw_topic
from prometheus_client import CollectorRegistry
from simulator.delivery import Answer, Delivery
from simulator.key_server import shown_at
from simulator.keys import certificate, key_set, kind_of, made_authority, made_key
from simulator.mix import Kind
from simulator.settings import EndpointSettings
from simulator.webhooks import Plan, Webhook, compose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.app import GatewayApp

SIMULATED = 200
# An hour after the event that is sent, so that it is never too old.
NOW = datetime(2026, 1, 5, 11, 1, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Run:
    """A gateway in process, and the producer that stands for Kafka."""

    settings: GatewaySettings
    app: GatewayApp
    producer: MemoryProducer

    @property
    def path(self) -> str:
        return f"/webhooks/{self.settings.gateway_provider}"

    def written(self, since: int = 0) -> list[dict[str, Any]]:
        """Return what was written to which topic, decoded."""
        return [
            {"topic": name, "key": key.decode(), "record": _decoded(name, value)}
            for name, key, value in self.producer.records[since:]
        ]


def gateway() -> Run:
    """Put the gateway together as its program does, save for Kafka and registry."""
    settings = load(GatewaySettings)
    configure(f"gateway-{settings.gateway_provider}", settings.log_level, settings.log_format)
    provider = PROVIDERS[settings.gateway_provider]
    producer = MemoryProducer([raw_topic(provider.name).name, INGESTION_DLQ.name])
    registry = CollectorRegistry()
    app = build_app(
        provider=provider,
        verifier=verifier(
            provider.signature, settings.webhook_secrets or (), settings.notification_url, _shown, _roots()
        ),
        producer=producer,
        schema_id_of=lambda _topic: 1,
        clock=_now,
        metrics=GatewayMetrics(provider.name, registry),
        registry=registry,
        max_concurrent=settings.max_concurrent_requests,
        on_fault=lambda: sys.exit("the gateway has to be stopped"),
    )
    return Run(settings, app, producer)


async def main() -> None:
    """Drive the webhooks of standard input, then a run of the simulator, and print the report."""
    given = json.load(sys.stdin)
    run = gateway()
    fastapi = run.app.fastapi
    async with fastapi.router.lifespan_context(fastapi):
        while run.producer.check() is not None:  # noqa: ASYNC110  # the gateway's own warm-up has no signal
            await asyncio.sleep(0.005)
        await asyncio.sleep(0)
        async with listening(run.app) as url, httpx.AsyncClient(base_url=url) as client:
            sent = [await _send(client, run, each) for each in given]
            simulated = await _simulate(client, run)
    report = {
        "package": payments_contracts.__file__,
        "sent": sent,
        "simulated": simulated,
        "openapi": fastapi.openapi()["paths"],
    }
    sys.stdout.write(json.dumps(report, default=str))


async def _send(client: httpx.AsyncClient, run: Run, webhook: dict[str, Any]) -> dict[str, Any]:
    since = len(run.producer.records)
    answer = await client.post(run.path, content=base64.b64decode(webhook["body"]), headers=webhook["headers"])
    written = run.written(since)
    outcomes = [
        _outcome(each["record"]) for each in written if each["topic"] == raw_topic(run.settings.gateway_provider).name
    ]
    return {"status": answer.status_code, "answer": answer.json(), "written": written, "outcomes": outcomes}


async def _simulate(client: httpx.AsyncClient, run: Run) -> dict[str, Any]:
    """Have the simulator send every kind of webhook; return the answers that are not what they have to be."""
    provider = PROVIDERS[run.settings.gateway_provider]
    endpoint = load(EndpointSettings, f"GATEWAY_{provider.name.upper()}_")
    plan = Plan("t1", SIMULATED, 1, 3, 1, dict.fromkeys(Kind, 1.0))
    url = endpoint.notification_url or f"http://gateway{run.path}"
    webhooks = list(compose(plan, provider, EXAMPLES, endpoint.secrets[0], _now(), notification_url=url))
    answers: list[tuple[Webhook, Answer]] = []
    delivery = Delivery(client, run.path, _now, 5)
    await delivery.send_all(webhooks, None, 8, lambda *each: answers.append(each), asyncio.Event())
    return {"answered": len(answers), "contradictions": _contradictions(answers)}


async def _shown(url: str) -> Document:
    """Return what shows the key that the simulator signs with, in the place of the provider's server."""
    signature = PROVIDERS[load(GatewaySettings).gateway_provider].signature
    assert url == shown_at(signature)
    key = made_key(kind_of(signature))
    if signature.certificate is None:
        return Document(key_set([key]))
    return Document(certificate(key, signature.certificate.names[0], NOW))


def _roots() -> Path:
    """Return a file with the authority whose certificates are shown, which no system trusts."""
    file = Path(tempfile.mkdtemp()) / "authority.pem"
    file.write_bytes(made_authority(now=NOW).pem)
    return file


def _contradictions(answers: Sequence[tuple[Webhook, Answer]]) -> list[str]:
    found = [(webhook, answer.contradiction(webhook)) for webhook, answer in answers]
    return [f"{webhook.example}: {contradiction}" for webhook, contradiction in found if contradiction is not None]


def _now() -> datetime:
    return NOW


def _outcome(record: dict[str, Any]) -> dict[str, Any]:
    match evaluate(record):
        case Normalized(event):
            return {"event": event}
        case Rejected(rejections):
            return {"reason_codes": [rejection.code for rejection in rejections]}
        case Unsupported():
            return {"unsupported": True}


def _decoded(name: str, value: bytes) -> Any:
    topic = next(each for each in TOPICS if each.name == name)
    parsed = fastavro.parse_schema(orjson.loads(schema(topic.record, topic.version)))
    # Behind the zero byte and the schema's id of the wire format.
    return fastavro.schemaless_reader(io.BytesIO(value[5:]), parsed, None)


if __name__ == "__main__":
    asyncio.run(main())
