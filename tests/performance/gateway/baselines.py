"""What the gateway is measured against, as programs: `python -m tests.performance.gateway.baselines`.

BENCH_APP is one of

- `bare`: reads a body and produces as many bytes as the gateway would, no more. It checks nothing;
- `bare_kit`: the same through the gateway's own producer;
- `textbook`: what a tutorial has, FastAPI, the provider's library, a Pydantic model, a serializing producer and a flush
  for each webhook;
- `route`: the gateway's reception behind a route of FastAPI, which is what decision 15 measured and did not take.

BENCH_SERVER is `uvicorn` or `granian`.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import confluent_kafka
import uvicorn
import uvloop
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import StringSerializer
from fastapi import FastAPI, Request
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server as Granian
from kit.kafka import Producer
from payments_contracts.identity import event_id
from payments_contracts.providers import PROVIDERS
from payments_contracts.schemas import schema
from payments_contracts.topics import STRIPE_RAW
from pydantic import BaseModel
from starlette.routing import BaseRoute, Match
from stripe import Webhook

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

# As long as what the gateway writes beside the payload: headers, ids, times.
_PREFIX = b"\x00" * 330
_MERCHANTS = [b"acct_bench_%02d" % number for number in range(20)]
_ANSWER = b'{"event_id":"00000000-0000-5000-8000-000000000000","status":"accepted"}'
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_ANSWER))]
# The same as the gateway's.
_LINGER_MILLISECONDS = 1


class PlainProducer:
    """confluent-kafka with asyncio as one would write it: a thread that polls, a future for each record."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._producer = confluent_kafka.Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": _LINGER_MILLISECONDS,
                "socket.nagle.disable": True,
            }
        )
        self._stop = threading.Event()
        threading.Thread(target=self._poll, daemon=True).start()

    def _poll(self) -> None:
        while not self._stop.is_set():
            self._producer.poll(0.1)

    async def produce(self, topic: str, key: bytes, value: bytes) -> None:
        future = self._loop.create_future()

        def report(error: confluent_kafka.KafkaError | None, _message: object) -> None:
            if error is None:
                self._loop.call_soon_threadsafe(future.set_result, None)
            else:
                self._loop.call_soon_threadsafe(future.set_exception, confluent_kafka.KafkaException(error))

        self._producer.produce(topic, value, key, on_delivery=report)
        await future


class KitProducer:
    """The gateway's own producer, to be awaited."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._producer = Producer(bootstrap_servers, "bench", linger_milliseconds=_LINGER_MILLISECONDS)

    async def produce(self, topic: str, key: bytes, value: bytes) -> None:
        future = self._loop.create_future()
        self._producer.produce(
            topic, key, value, lambda error: future.set_exception(error) if error else future.set_result(None)
        )
        await future


class Bare:
    """The bare ASGI handler."""

    def __init__(self, *, kit: bool) -> None:
        self._kit = kit
        self._producer: Any = None
        # The gateway's records are spread over the partitions; these are, too.
        self._keys = itertools.cycle(_MERCHANTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["method"] == "POST":
            body = b""
            while True:
                message = await receive()
                body += message["body"]
                if not message["more_body"]:
                    break
            await self._producer.produce(STRIPE_RAW.name, next(self._keys), _PREFIX + body)
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": _ANSWER})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        servers = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
        self._producer = KitProducer(servers) if self._kit else PlainProducer(servers)
        # The first record takes a second.
        await self._producer.produce(STRIPE_RAW.name, b"warm-up", _PREFIX)
        gc.collect()
        gc.freeze()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})


class StripeEvent(BaseModel):
    """What a tutorial's model of an event holds."""

    id: str
    type: str
    created: int
    account: str | None = None
    api_version: str | None = None
    data: dict[str, Any]


def textbook() -> FastAPI:
    """Return the gateway of a tutorial, which is right and slow."""
    registry = SchemaRegistryClient({"url": os.environ["SCHEMA_REGISTRY_URL"]})
    text = schema(STRIPE_RAW.record, STRIPE_RAW.version)
    producer = confluent_kafka.SerializingProducer(
        {
            "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
            "enable.idempotence": True,
            "acks": "all",
            # Whoever flushes each record gains nothing by waiting for company.
            "linger.ms": 0,
            "key.serializer": StringSerializer(),
            "value.serializer": AvroSerializer(registry, text, conf={"auto.register.schemas": False}),
        }
    )
    secret = json.loads(os.environ["WEBHOOK_SECRETS"])[0]["secret"]
    app = FastAPI()

    @app.post("/webhooks/stripe")
    async def receive(request: Request) -> dict[str, str]:
        body = await request.body()
        event = Webhook.construct_event(body, request.headers["Stripe-Signature"], secret)
        model = StripeEvent.model_validate(event.to_dict())
        found = event_id("stripe", model.account, model.id)
        record = {
            "event_id": found,
            "provider": "stripe",
            "provider_event_id": model.id,
            "provider_event_type": model.type,
            "merchant_id": model.account or "merch_bench",
            "api_version": model.api_version,
            "headers": {"stripe-signature": request.headers["Stripe-Signature"]},
            "payload": body,
            "provider_created_at": model.created * 1000,
            "received_at": model.created * 1000,
            "schema_version": STRIPE_RAW.version,
        }
        producer.produce(STRIPE_RAW.name, key=record["merchant_id"], value=record)
        producer.flush()
        return {"event_id": found, "status": "accepted"}

    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    return app


class WebhookRoute(BaseRoute):
    """Hands the webhooks that FastAPI routes to it on to the gateway's reception."""

    def __init__(self, path: str, reception: Any) -> None:
        self._path = path
        self._reception = reception

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found = scope["type"] == "http" and scope["path"] == self._path and scope["method"] == "POST"
        return Match.FULL if found else Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        answered = asyncio.get_running_loop().create_future()
        webhook = self._reception.begin(scope["headers"], answered.set_result)
        if webhook is not None:
            body = b""
            while True:
                message = await receive()
                body += message["body"]
                if not message["more_body"]:
                    break
            self._reception.complete(webhook, body)
        answer = await answered
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})


def route() -> FastAPI:
    """Return the gateway as one route of FastAPI, made once its event loop runs."""
    from gateway.__main__ import _schema_id  # noqa: PLC0415 - the other programs need none of it
    from gateway.app import build_app  # noqa: PLC0415
    from gateway.metrics import GatewayMetrics  # noqa: PLC0415
    from gateway.secrets import EndpointSecret  # noqa: PLC0415
    from gateway.signature import verifier  # noqa: PLC0415
    from kit.clock import utc_now  # noqa: PLC0415
    from kit.kafka import RegistryClient  # noqa: PLC0415
    from prometheus_client import CollectorRegistry  # noqa: PLC0415

    provider = PROVIDERS["stripe"]
    secrets = [EndpointSecret.model_validate(each) for each in json.loads(os.environ["WEBHOOK_SECRETS"])]
    registry = RegistryClient(os.environ["SCHEMA_REGISTRY_URL"])
    shown = CollectorRegistry()
    app = build_app(
        provider=provider,
        verifier=verifier(provider.signature, secrets),
        producer=Producer(os.environ["KAFKA_BOOTSTRAP_SERVERS"], "bench"),
        schema_id_of=lambda topic: _schema_id(registry, topic),
        clock=utc_now,
        metrics=GatewayMetrics(provider.name, shown),
        registry=shown,
        max_concurrent=1000,
        on_fault=lambda: None,
    )
    [(path, reception)] = app.endpoints.items()
    app.fastapi.router.routes.insert(0, WebhookRoute(path.decode(), reception))
    return app.fastapi


async def main() -> None:
    makers: dict[str, Callable[[], Any]] = {
        "bare": lambda: Bare(kit=False),
        "bare_kit": lambda: Bare(kit=True),
        "textbook": textbook,
        "route": route,
    }
    app = makers[os.environ["BENCH_APP"]]()
    port = int(os.environ["HTTP_PORT"])
    if os.environ["BENCH_SERVER"] == "granian":
        server = Granian(
            app, port=port, interface=Interfaces.ASGI, websockets=False, log_level=LogLevels.warning, backlog=1024
        )
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
        await server.serve()
    else:
        config = uvicorn.Config(app, port=port, access_log=False, log_level="warning", loop="uvloop", http="httptools")
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    uvloop.run(main())
