"""Runs the gateway of the provider that GATEWAY_PROVIDER names."""

import asyncio
import math
import signal
import sys

import structlog
import uvicorn
import uvloop
from kit.clock import utc_now
from kit.errors import Fault, Transient
from kit.kafka import AvroEncoder, Producer, RegistryClient
from kit.logging import configure
from kit.settings import load
from payments_contracts.providers import PROVIDERS
from payments_contracts.schemas import schema
from payments_contracts.topics import INGESTION_DLQ, Topic, raw_topic
from prometheus_client import REGISTRY

from gateway.app import build_app
from gateway.publication import Target
from gateway.settings import GatewaySettings
from gateway.signature import verifier

_LOG = structlog.get_logger("gateway")


def main() -> None:
    """Run until SIGTERM or SIGINT; answers that are due are given first.

    Exits with 2 where a setting is wrong, and with 1 where the gateway cannot do its work.
    """
    settings = load(GatewaySettings)
    configure(f"gateway-{settings.gateway_provider}", settings.log_level, settings.log_format)
    # uvicorn raises the signal again once it has shut down in order; that is a success.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            succeeded = runner.run(_serve(settings))
    except (Fault, Transient) as error:
        _LOG.critical("cannot start", detail=str(error))
        succeeded = False
    sys.exit(0 if succeeded else 1)


async def _serve(settings: GatewaySettings) -> bool:
    provider = PROVIDERS[settings.gateway_provider]
    with RegistryClient(settings.schema_registry_url) as registry:
        accepted, malformed = (_target(registry, topic) for topic in (raw_topic(provider.name), INGESTION_DLQ))
    faults: list[None] = []

    def stop() -> None:
        faults.append(None)
        server.should_exit = True

    app = build_app(
        provider=provider,
        verifier=verifier(provider.signature, settings.webhook_secrets, settings.notification_url),
        producer=Producer(
            settings.kafka_bootstrap_servers,
            f"gateway-{provider.name}",
            deadline_seconds=settings.acknowledgement_deadline_seconds,
        ),
        accepted=accepted,
        malformed=malformed,
        clock=utc_now,
        registry=REGISTRY,
        on_fault=stop,
    )
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.http_host,
            port=settings.http_port,
            http="httptools",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=math.ceil(settings.acknowledgement_deadline_seconds) + 5,
        )
    )
    await server.serve()
    return not faults


def _target(registry: RegistryClient, topic: Topic) -> Target:
    found = registry.lookup(topic.subject, topic.version, schema(topic.record, topic.version))
    return Target(topic, AvroEncoder(found.text, found.id))


if __name__ == "__main__":
    main()
