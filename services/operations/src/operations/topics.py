"""Creates the topics of the contracts on a Kafka cluster."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import stamina
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the module does not export its names
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)
from kit.kafka.errorlog import with_remedy
from payments_contracts.topics import Topic

from operations.errors import DeploymentError

_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Change:
    """What was done to one thing: `created`, `updated` or `unchanged`."""

    name: str
    action: str
    detail: str = ""


class _NotShownError(DeploymentError):
    """A topic that was created is not to be seen yet."""


def apply_topics(
    admin: AdminClient,
    topics: Sequence[Topic],
    most_replicas: int | None = None,
    explain: Callable[[KafkaError], str] = with_remedy,
) -> Iterator[Change]:
    """Create each topic that is missing and bring its settings to what the contract says.

    The number of partitions of an existing topic is never changed: keys would move to other partitions and
    the order of a merchant's events would be lost.

    Args:
        admin: The cluster.
        topics: Those of the contracts that are to be there.
        most_replicas: How many brokers a cluster has that has fewer than a contract wants copies; as many of them as
            may be away by the contract may be away there, as long as one is left. None for what the contracts say.
        explain: Says why the cluster does not answer.

    Raises:
        DeploymentError: The cluster cannot be reached or has too few brokers, or a topic has another number of
            partitions or of copies.
    """
    try:
        present = admin.list_topics(timeout=_TIMEOUT_SECONDS).topics
    except KafkaException as error:
        said = explain(error.args[0]).rstrip(".")
        raise DeploymentError(f"Kafka does not answer: {said}. Is it up? See `make status`.") from error
    for contract in topics:
        topic = _fitted(contract, most_replicas)
        if topic.name not in present:
            yield _create(admin, topic)
            continue
        partitions = len(present[topic.name].partitions)
        if partitions != topic.partitions:
            raise DeploymentError(
                f"{topic.name} has {partitions} partitions, its contract says {topic.partitions}. "
                "Partitions are not changed in place, since keys would move: "
                "declare a new topic, or put the contract back."
            )
        copies = min(len(partition.replicas) for partition in present[topic.name].partitions.values())
        if copies < topic.replicas:
            raise DeploymentError(
                f"{topic.name} has {copies} copies of a partition, its contract says {topic.replicas}. Copies are made "
                "by an operator, since that moves all of its records: add them with kafka-reassign-partitions (or let "
                f"Strimzi do it), or set TOPICS_MOST_REPLICAS={copies} where the cluster is to have no more."
            )
        yield _configure(admin, topic)


def _fitted(topic: Topic, most_replicas: int | None) -> Topic:
    """Return the topic as a cluster of so many brokers can hold it."""
    if most_replicas is None or most_replicas >= topic.replicas:
        return topic
    away = topic.replicas - topic.min_insync_replicas
    return replace(topic, replicas=most_replicas, min_insync_replicas=max(1, most_replicas - away))


def _create(admin: AdminClient, topic: Topic) -> Change:
    new = NewTopic(
        topic.name,
        num_partitions=topic.partitions,
        replication_factor=topic.replicas,
        config=_settings(topic),
    )
    _await(admin.create_topics([new])[topic.name], topic.name)
    _await_shown(admin, topic.name)
    return Change(topic.name, "created", f"{topic.partitions} partitions")


def _await_shown(admin: AdminClient, name: str) -> None:
    """Wait until the brokers show a topic: the controller answers before they do."""
    for attempt in stamina.retry_context(on=_NotShownError, attempts=None, timeout=_TIMEOUT_SECONDS, wait_max=1.0):
        with attempt:
            try:
                shown = admin.list_topics(name, timeout=_TIMEOUT_SECONDS).topics[name]
            except KafkaException as error:
                raise DeploymentError(f"{name}: {with_remedy(error.args[0])}") from error
            if shown.error is not None:
                raise _NotShownError(f"{name} was created, and the brokers do not show it: {shown.error.str()}")


def _settings(topic: Topic) -> dict[str, str]:
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(topic.retention_ms),
        "segment.ms": str(topic.segment_ms),
        "max.message.bytes": str(topic.max_message_bytes),
        "min.insync.replicas": str(topic.min_insync_replicas),
    }


def _configure(admin: AdminClient, topic: Topic) -> Change:
    resource = ConfigResource(ResourceType.TOPIC, topic.name)
    current = _await(admin.describe_configs([resource])[resource], topic.name)
    other = {name: value for name, value in _settings(topic).items() if current[name].value != value}
    if not other:
        return Change(topic.name, "unchanged")
    entries = [ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in other.items()]
    alteration = ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=entries)
    _await(admin.incremental_alter_configs([alteration])[alteration], topic.name)
    return Change(topic.name, "updated", ", ".join(f"{name}={value}" for name, value in other.items()))


def _await(future: object, name: str) -> dict[str, ConfigEntry]:
    try:
        return future.result(timeout=_TIMEOUT_SECONDS)  # type: ignore[attr-defined, no-any-return]  # untyped future
    except KafkaException as error:
        raise DeploymentError(f"{name}: {with_remedy(error.args[0])}") from error
