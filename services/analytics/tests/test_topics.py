"""What is noted of each topic: records, the time of the newest, and how far each group of readers is behind."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import pytest
from analytics.settings import StreamSettings
from analytics.stream import Contents, Stream
from analytics.topics import observe_topics
from kit.errors import Transient
from payments_contracts.topics import INGESTION_DLQ, NORMALIZED, VALIDATION_DLQ, raw_topic

RAW = raw_topic("stripe").name
NEWEST = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONTENTS = {
    RAW: Contents(40, NEWEST),
    NORMALIZED.name: Contents(30, NEWEST),
    INGESTION_DLQ.name: Contents(2, NEWEST),
    VALIDATION_DLQ.name: Contents(0, None),
}
LAGS = {
    ("normalizer", RAW): 10,
    ("archiver-provider_events-blue", RAW): 40,
    ("orchestrator-blue", NORMALIZED.name): 0,
    ("archiver-quarantine-blue", INGESTION_DLQ.name): 2,
    ("archiver-quarantine-blue", VALIDATION_DLQ.name): 0,
}
SETTINGS = StreamSettings(gateway_providers="stripe", consumer_group="orchestrator-blue", archive_group_suffix="-blue")


class Told(Stream):
    """What Kafka tells of the topics of one provider; it knows no other topic and no other group."""

    def __init__(self) -> None:
        """Connect to nothing."""

    def contents(self, topics: Iterable[str]) -> Mapping[str, Contents]:
        return {name: CONTENTS[name] for name in topics}

    def lags(self, group: str, topics: Iterable[str]) -> Mapping[str, int]:
        return {name: LAGS[group, name] for name in topics}


class Away(Told):
    def lags(self, group: str, topics: Iterable[str]) -> Mapping[str, int]:
        raise Transient(f"Kafka does not answer {group} about {', '.join(topics)}.")


def test_each_topic_of_the_installation_is_told_of_with_all_who_read_it_all_the_time() -> None:
    found = {each.asset_key.path[-1]: each for each in observe_topics(Told(), SETTINGS)}
    assert {tuple(each.asset_key.path) for each in found.values()} == {("kafka", name) for name in CONTENTS}
    told = {name: {key: value.value for key, value in each.metadata.items()} for name, each in found.items()}
    at = NEWEST.timestamp()
    assert told == {
        RAW: {"records": 40, "newest_record": at, "lag_normalizer": 10, "lag_archiver-provider_events-blue": 40},
        NORMALIZED.name: {"records": 30, "newest_record": at, "lag_orchestrator-blue": 0},
        INGESTION_DLQ.name: {"records": 2, "newest_record": at, "lag_archiver-quarantine-blue": 2},
        # Of a topic that has no record there is no newest one.
        VALIDATION_DLQ.name: {"records": 0, "lag_archiver-quarantine-blue": 0},
    }


def test_nothing_is_told_where_kafka_does_not_answer() -> None:
    with pytest.raises(Transient):
        list(observe_topics(Away(), SETTINGS))
