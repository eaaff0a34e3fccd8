"""The consumer program: what `orchestrator consumer` is made of."""

import asyncio
from collections.abc import Callable, Sequence

from kit.kafka import AvroDecoder, Consumer, Partition, RegistryClient
from kit.metrics import MetricsServer
from payments_contracts.schemas import schema
from payments_contracts.topics import NORMALIZED

from orchestrator.bridge import Bridge
from orchestrator.policies import events_queue
from orchestrator.routing import PIN, Router
from orchestrator.settings import ConsumerSettings
from orchestrator.source import GiveUp, KafkaSource
from orchestrator.temporal import WorkflowStarter, lazy_client


class KafkaSessions:
    """Opens sessions with the topic and knows the present one's health."""

    def __init__(self, settings: ConsumerSettings, router: Router) -> None:
        self._settings = settings
        self._router = router
        self._present: KafkaSource | None = None

    def open(self, give_up: GiveUp) -> KafkaSource:
        """Open a session; the one before must be closed."""
        self._present = KafkaSource(self._consumer, self._router, give_up)
        return self._present

    def check(self) -> str | None:
        """Say what is wrong with Kafka; None if nothing is."""
        return "no session yet" if self._present is None else self._present.check()

    def _consumer(self, revoked: Callable[[Sequence[Partition]], None]) -> Consumer:
        return Consumer(
            self._settings.kafka_bootstrap_servers,
            self._settings.consumer_group,
            [self._settings.source_topic],
            client_id="orchestrator-consumer",
            on_revoked=revoked,
        )


async def run_consumer(settings: ConsumerSettings, stop: asyncio.Event) -> None:
    """Bring every event of the topic to Temporal until `stop` is set.

    Raises:
        Fault: The contract's schema is not registered, or an event can neither be read nor skipped.
        Transient: The registry did not answer at start.
    """
    reader = schema(NORMALIZED.record, PIN)
    with RegistryClient(settings.schema_registry_url) as registry:
        await asyncio.to_thread(registry.lookup, NORMALIZED.subject, PIN, reader)
        sessions = KafkaSessions(settings, Router(AvroDecoder(registry, reader).decode))
        client = await lazy_client(settings.temporal_address, settings.temporal_namespace)
        starter = WorkflowStarter(client, events_queue(settings.task_queue_suffix))
        checks = {"kafka": sessions.check, "temporal": starter.check}
        with MetricsServer(settings.metrics_host, settings.metrics_port, checks):
            await Bridge(sessions.open, starter.start, max_in_flight=settings.max_starts_in_flight).run(stop)
