"""Sessions with the topic of normalized events."""

from collections.abc import Callable, Sequence

from kit.kafka import AvroDecoder, Consumer, Partition, RegistryClient
from payments_contracts.schemas import schema
from payments_contracts.topics import NORMALIZED

from orchestrator.routing import PIN, Router
from orchestrator.settings import ConsumerSettings
from orchestrator.source import GiveUp, KafkaSource


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
            self._settings.kafka,
            self._settings.consumer_group,
            [self._settings.source_topic],
            client_id="orchestrator-consumer",
            max_message_bytes=NORMALIZED.max_message_bytes,
            on_revoked=revoked,
        )


def open_router(registry: RegistryClient) -> Router:
    """Make what reads messages; ask whether the contract's schema is registered. Blocks.

    Raises:
        Fault: It is not.
        Transient: The registry does not answer.
    """
    reader = schema(NORMALIZED.record, PIN)
    registry.lookup(NORMALIZED.subject, PIN, reader)
    return Router(AvroDecoder(registry, reader).decode)
