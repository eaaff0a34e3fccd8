"""Runs the gateway of the provider that GATEWAY_PROVIDER names."""

import asyncio
import gc
import math
import signal
import sys
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import structlog
import uvloop
from kit.clock import utc_now
from kit.errors import Fault
from kit.kafka import Producer, RegistryClient
from kit.logging import configure
from kit.settings import load
from kit.tracing import open_tracing
from payments_contracts.providers import PROVIDERS
from payments_contracts.schemas import schema
from payments_contracts.topics import INGESTION_DLQ, Topic, raw_topic
from prometheus_client import REGISTRY

from gateway.app import build_app
from gateway.limits import Limits
from gateway.metrics import GatewayMetrics
from gateway.rotation import SecretsFile, tell_of_blanks
from gateway.server import build_server
from gateway.settings import GatewaySettings
from gateway.signature import verifier

if TYPE_CHECKING:
    from gateway.fetching import Fetch

_LOG = structlog.get_logger("gateway")
_ALLOCATIONS_BETWEEN_COLLECTIONS = 20_000
# One lookup; whoever asks tries again.
_REGISTRY_PATIENCE_SECONDS = 0.5


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
    except Fault as error:
        _LOG.critical("start_failed", detail=str(error))
        succeeded = False
    sys.exit(0 if succeeded else 1)


async def _serve(settings: GatewaySettings) -> bool:
    provider = PROVIDERS[settings.gateway_provider]
    metrics = GatewayMetrics(provider.name, REGISTRY)
    file = None if settings.webhook_secrets_file is None else SecretsFile(settings.webhook_secrets_file)
    # The settings see to it that there is one of the two.
    secrets = settings.webhook_secrets or () if file is None else file.read()
    tell_of_blanks(settings.webhook_secrets or ())
    judge = verifier(
        provider.signature,
        secrets,
        settings.notification_url,
        _fetch(settings),
        settings.certificate_roots_file,
        metrics.count_key_fetch,
    )
    faults: list[None] = []

    def stop() -> None:
        faults.append(None)
        server.should_exit = True

    with ExitStack() as resources:
        tracing = open_tracing(f"gateway-{provider.name}", settings)
        if tracing is not None:
            resources.callback(tracing.close)
        registry = resources.enter_context(
            RegistryClient(settings.registry, patience_seconds=_REGISTRY_PATIENCE_SECONDS)
        )
        app = build_app(
            provider=provider,
            verifier=judge,
            producer=Producer(
                settings.kafka,
                f"gateway-{provider.name}",
                deadline_seconds=settings.acknowledgement_deadline_seconds,
                max_message_bytes=max(topic.max_message_bytes for topic in (raw_topic(provider.name), INGESTION_DLQ)),
            ),
            schema_id_of=lambda topic: _schema_id(registry, topic),
            clock=utc_now,
            metrics=metrics,
            registry=REGISTRY,
            max_concurrent=settings.max_concurrent_requests,
            on_fault=stop,
            replay_until=-math.inf if settings.replay_until is None else settings.replay_until.timestamp(),
            tracing=tracing,
        )
        server = build_server(
            app,
            settings.http_host,
            settings.http_port,
            endpoints=app.endpoints,
            limits=Limits(settings.max_header_bytes, settings.request_timeout_seconds),
            drain_seconds=math.ceil(settings.acknowledgement_deadline_seconds) + 5,
            on_refusal=lambda reason: metrics.count("refused", reason),
        )
        following = None if file is None else asyncio.create_task(file.follow(judge.use, metrics.count_reload))
        # What was made so far stays, and webhooks leave no cycles: the collector has little to look for.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_ALLOCATIONS_BETWEEN_COLLECTIONS, 20, 20)
        await server.serve()
        if following is not None:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
    return not faults


def _fetch(settings: GatewaySettings) -> "Fetch | None":
    """Return what gets keys from the stand-in of a provider's server; None where there is none."""
    if settings.key_server_url is None:
        return None
    # Loading what it is made with takes its time, which most gateways need not spend.
    from gateway.fetching import Fetcher  # noqa: PLC0415

    _LOG.warning("keys_from_stand_in", url=settings.key_server_url)
    return Fetcher(settings.key_server_url)


def _schema_id(registry: RegistryClient, topic: Topic) -> int:
    return registry.lookup(topic.subject, topic.version, schema(topic.record, topic.version)).id


if __name__ == "__main__":
    main()
