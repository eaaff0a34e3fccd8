"""Topics have as many copies as their contracts say, or as the cluster has brokers."""

from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from confluent_kafka.admin import AdminClient
from operations.__main__ import app
from operations.errors import DeploymentError
from operations.topics import _settings, apply_topics
from payments_contracts.topics import NORMALIZED
from typer.testing import CliRunner


@dataclass
class Partition:
    replicas: list[int]
    error: None = None


@dataclass
class Shown:
    partitions: dict[int, Partition]
    error: None = None


@dataclass
class Listed:
    topics: dict[str, Shown]


@dataclass
class Entry:
    value: str


@dataclass
class Cluster:
    """Answers as a broker's admin API does; keeps what it was told."""

    topics: dict[str, Shown] = field(default_factory=dict)
    settings: dict[str, dict[str, str]] = field(default_factory=dict)

    def list_topics(self, name: str | None = None, timeout: float = 0) -> Listed:
        return Listed({each: shown for each, shown in self.topics.items() if name in {None, each}})

    def create_topics(self, new: list[Any]) -> dict[str, Future[None]]:
        for each in new:
            copies = list(range(1, each.replication_factor + 1))
            self.topics[each.topic] = Shown({number: Partition(copies) for number in range(each.num_partitions)})
            self.settings[each.topic] = dict(each.config)
        return {each.topic: done(None) for each in new}

    def describe_configs(self, resources: list[Any]) -> dict[Any, Future[dict[str, Entry]]]:
        return {
            each: done({name: Entry(value) for name, value in self.settings[each.name].items()}) for each in resources
        }

    def incremental_alter_configs(self, resources: list[Any]) -> dict[Any, Future[None]]:
        for each in resources:
            self.settings[each.name] |= {entry.name: entry.value for entry in each.incremental_configs}
        return {each: done(None) for each in resources}

    @property
    def admin(self) -> AdminClient:
        return cast("AdminClient", self)


def done(value: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future


@pytest.mark.parametrize(
    ("brokers", "copies", "in_sync"), [(None, 3, "2"), (5, 3, "2"), (3, 3, "2"), (2, 2, "1"), (1, 1, "1")]
)
def test_copies_are_the_contracts_where_the_cluster_can_hold_them(
    brokers: int | None, copies: int, in_sync: str
) -> None:
    cluster = Cluster()
    (change,) = apply_topics(cluster.admin, [NORMALIZED], brokers)
    assert change.action == "created"
    assert {len(each.replicas) for each in cluster.topics[NORMALIZED.name].partitions.values()} == {copies}
    assert cluster.settings[NORMALIZED.name]["min.insync.replicas"] == in_sync
    (change,) = apply_topics(cluster.admin, [NORMALIZED], brokers)
    assert change.action == "unchanged"


def test_a_topic_of_before_learns_how_many_copies_have_to_be_in_sync() -> None:
    cluster = Cluster()
    list(apply_topics(cluster.admin, [NORMALIZED]))
    cluster.settings[NORMALIZED.name]["min.insync.replicas"] = "1"
    (change,) = apply_topics(cluster.admin, [NORMALIZED])
    assert (change.action, change.detail) == ("updated", "min.insync.replicas=2")


def test_a_topic_with_too_few_copies_is_named_with_what_to_do() -> None:
    cluster = Cluster()
    list(apply_topics(cluster.admin, [NORMALIZED], 1))
    with pytest.raises(DeploymentError, match=r"has 1 copies .* says 3\..*TOPICS_MOST_REPLICAS=1"):
        list(apply_topics(cluster.admin, [NORMALIZED]))


def test_a_contract_with_one_copy_is_left_with_one() -> None:
    cluster = Cluster()
    list(apply_topics(cluster.admin, [replace(NORMALIZED, replicas=1, min_insync_replicas=1)], 3))
    assert cluster.settings[NORMALIZED.name]["min.insync.replicas"] == "1"


def test_help_names_every_setting_that_apply_changes() -> None:
    said = " ".join(CliRunner().invoke(app, ["topics", "apply", "--help"], env={"COLUMNS": "120"}).output.split())
    words = {
        "cleanup.policy": "cleanup policy",
        "retention.ms": "retention",
        "segment.ms": "segments",
        "max.message.bytes": "largest message",
        "min.insync.replicas": "in sync",
    }
    assert set(_settings(NORMALIZED)) == set(words)
    assert [each for each in words.values() if each not in said] == []
