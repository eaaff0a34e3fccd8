"""The topics of the contracts as external assets: the lineage of every table begins at a provider's webhook."""

from collections.abc import Iterable, Iterator, Mapping

from dagster import AssetKey, AssetObservation, AssetSpec, MetadataValue
from payments_contracts.maintenance import MAINTAINED
from payments_contracts.providers import PROVIDERS
from payments_contracts.tables import BRONZE_PROVIDER_EVENTS, BRONZE_QUARANTINE
from payments_contracts.topics import INGESTION_DLQ, TOPICS, VALIDATION_DLQ, Topic, raw_topic, topics_of

from analytics.settings import StreamSettings
from analytics.stream import Stream

LAYER = "kafka"
_MILLISECONDS_A_DAY = 86_400_000
_RAW = tuple(raw_topic(provider) for provider in PROVIDERS)
_LETTERS = (INGESTION_DLQ, VALIDATION_DLQ)
_ARCHIVED = {BRONZE_PROVIDER_EVENTS.identifier: _RAW, BRONZE_QUARANTINE.identifier: _LETTERS}
"""What the archiver copies to which table; other writers read the same topics for all that they write."""


def topic_key(topic: Topic) -> AssetKey:
    """Return the asset that a topic is."""
    return AssetKey([LAYER, topic.name])


def describe_topics(topics: Iterable[Topic] = TOPICS) -> list[AssetSpec]:
    """The topics as external assets, each made from what its producers read."""
    return [
        AssetSpec(
            topic_key(topic),
            deps=[topic_key(each) for each in _read_by(_producers(topic))],
            description=topic.description,
            group_name=LAYER,
            kinds={"kafka"},
            metadata={
                "record": f"{topic.record} v{topic.version}",
                "key": topic.key,
                "partitions": topic.partitions,
                "retention_days": topic.retention_ms // _MILLISECONDS_A_DAY,
                "producers": ", ".join(topic.producers),
                "consumers": ", ".join(topic.consumers),
            },
        )
        for topic in topics
    ]


def topics_of_table(identifier: str) -> list[AssetKey]:
    """Return the topics that a table of Bronze is written from; none for what is made here or has no writer."""
    if identifier in _ARCHIVED:
        return [topic_key(each) for each in _ARCHIVED[identifier]]
    writers = {each.writer for each in MAINTAINED if each.identifier == identifier}
    return [topic_key(each) for each in _read_by(writers)]


def observe_topics(stream: Stream, settings: StreamSettings) -> Iterator[AssetObservation]:
    """Yield what each topic of this installation has, and how far its readers are behind.

    Raises:
        Transient: Kafka does not answer, or lacks a topic.
    """
    topics = {topic.name: topic for topic in topics_of(settings.gateway_providers)}
    contents = stream.contents(topics)
    lags: dict[str, dict[str, int]] = {name: {} for name in topics}
    for group, read in groups_of(topics.values(), settings).items():
        for name, lag in stream.lags(group, read).items():
            lags[name][group] = lag
    for name, topic in topics.items():
        found = contents[name]
        told: dict[str, MetadataValue] = {"records": MetadataValue.int(found.records)}
        if found.newest is not None:
            told["newest_record"] = MetadataValue.timestamp(found.newest)
        told |= {f"lag_{group}": MetadataValue.int(lag) for group, lag in lags[name].items()}
        yield AssetObservation(topic_key(topic), metadata=told)


def groups_of(topics: Iterable[Topic], settings: StreamSettings) -> Mapping[str, list[str]]:
    """Return what each consumer group of the services reads."""
    found: dict[str, list[str]] = {}
    for topic in topics:
        for service in topic.consumers:
            match service:
                case "normalizer":
                    group = settings.normalizer_group_id
                case "orchestrator":
                    group = settings.consumer_group
                case "archiver":
                    table = BRONZE_QUARANTINE if topic in _LETTERS else BRONZE_PROVIDER_EVENTS
                    group = f"archiver-{table.name}{settings.archive_group_suffix}"
                case _:
                    # It reads on demand.
                    continue
            found.setdefault(group, []).append(topic.name)
    return found


def _producers(topic: Topic) -> set[str]:
    """Who writes what is news: a service that reads the topic, too, sends records of it again."""
    return {service for service in topic.producers if service not in topic.consumers}


def _read_by(services: set[str]) -> list[Topic]:
    return [topic for topic in TOPICS if services & topic.consumers.keys()]
