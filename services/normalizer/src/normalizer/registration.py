"""Keeps the job from registering schemas: Flink's sinks would, producers of this pipeline never do.

The sink of the `avro-confluent` format asks the registry to register the table's schema when it writes its first row
(`ConfluentSchemaRegistryCoder.writeSchema`), and Flink 2.3 has no option against it; one is proposed in FLINK-33045.
Where the schema is registered already that changes nothing. So the job is not submitted before it is. A registry that
is emptied under a running job shows as drift in `payments schemas check`.
"""

from collections.abc import Sequence

from kit.registry import RegistryClient
from payments_contracts.schemas import schema
from payments_contracts.topics import Topic

SERVICE = "normalizer"


def require_registered(registry: RegistryClient, topics: Sequence[Topic]) -> None:
    """Return when the registry has, under its contract's version, each schema that the job writes.

    Raises:
        Fault: A schema is not registered, or under another version; the message says what to run.
        Transient: The registry does not answer.
    """
    for topic in topics:
        if SERVICE in topic.producers:
            registry.lookup(topic.subject, topic.version, schema(topic.record, topic.version))
