"""Puts the recovery together from the real servers."""

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from kit.kafka import AvroDecoder, RegistryClient
from kit.lake import load_catalog
from payments_contracts.providers import PROVIDERS
from payments_contracts.schemas import schema
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS
from payments_contracts.topics import INGESTION_DLQ, VALIDATION_DLQ, Topic, raw_topic, topics_of

from operations.operational import OperationalDatabase
from operations.recovery.audit import Trail
from operations.recovery.lake import LakeSource
from operations.recovery.scan import Scanner
from operations.recovery.sending import Sender
from operations.recovery.sources import Joined, Source
from operations.recovery.topics import Decoders, Names, TopicSource
from operations.recovery.watching import DeadLetterWatch
from operations.recovery.workflows import Workflows
from operations.settings import ProvidersSettings, RecoverySettings
from operations.warehouse import Warehouse


@dataclass(slots=True)
class Session:
    """What a command of the recovery works with; servers are asked when they are needed."""

    settings: RecoverySettings
    registry: RegistryClient
    source: Joined
    trail: Trail
    names: Names
    _stack: ExitStack

    def rows(self, event_ids: Collection[str]) -> set[str]:
        """Return which of some events have a row in the operational database."""
        return OperationalDatabase(self.settings.postgres_dsn).present(event_ids) if event_ids else set()

    def bronze_rows(self, event_ids: Collection[str]) -> set[str]:
        """Return which of some events have a row in Bronze."""
        settings = self.settings
        warehouse = Warehouse(settings.trino, settings.trino_catalog)
        return set(warehouse.count_events(BRONZE_PAYMENT_EVENTS.identifier, sorted(event_ids)))

    def sender(self) -> Sender:
        """Return what writes raw records."""
        return Sender(self.settings.kafka, self.registry, self.names.raw)

    def watch(self) -> DeadLetterWatch:
        """Return what sees events being quarantined from now on."""
        scanner = Scanner(self.settings.kafka)
        self._stack.callback(scanner.close)
        return DeadLetterWatch(scanner, self.names.validation, _decoder(self.registry, VALIDATION_DLQ))

    def workflows(self) -> Workflows | None:
        """Return what knows of workflows; None where no address of Temporal's HTTP API is set."""
        settings = self.settings
        if settings.temporal_http_url is None:
            return None
        return self._stack.enter_context(
            Workflows(settings.temporal_http(settings.temporal_http_url), settings.temporal_namespace)
        )


@contextmanager
def open_session(
    settings: RecoverySettings, names: Names | None = None, archive: Source | None = None
) -> Iterator[Session]:
    """Open the sources for as long as the context lasts; topics and archive are the contracts' unless said."""
    with ExitStack() as stack:
        registry = stack.enter_context(RegistryClient(settings.registry))
        scanner = Scanner(settings.kafka)
        stack.callback(scanner.close)
        chosen = names or Names.of(running_providers())
        any_raw = raw_topic(next(iter(chosen.raw)))
        decoders = Decoders(*(_decoder(registry, topic) for topic in (any_raw, INGESTION_DLQ, VALIDATION_DLQ)))
        topics = TopicSource(
            scanner, chosen, raw=decoders.raw, ingestion=decoders.ingestion, validation=decoders.validation
        )
        lake = archive or LakeSource(lambda: load_catalog(settings), decoders=decoders)
        yield Session(settings, registry, Joined(topics, lake), Trail(settings.postgres_dsn), chosen, stack)


def running_providers(chosen: str | None = None) -> list[str]:
    """Return the providers whose topics there are in this installation."""
    names = ProvidersSettings().gateway_providers if chosen is None else chosen
    present = {topic.name for topic in topics_of(names)}
    return [name for name in sorted(PROVIDERS) if raw_topic(name).name in present]


def _decoder(registry: RegistryClient, topic: Topic) -> AvroDecoder:
    return AvroDecoder(registry, schema(topic.record, topic.consumers["operations"]))
