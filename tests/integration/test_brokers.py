"""Kafka of three brokers, as the contracts want it: a stack of its own, of Kafka and the registry alone."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the module does not export its names
    AdminClient,
    ConfigResource,
    ResourceType,
)
from payments_contracts.topics import STRIPE_RAW, topics_of

from tests.conftest import ROOT, run_stack

pytestmark = [pytest.mark.integration, pytest.mark.alone, pytest.mark.timeout(900)]

# No port of the stack of the tests is one of this stack's.
BESIDE = 400


@pytest.fixture(scope="module")
def cluster() -> Iterator[Mapping[str, str]]:
    state = os.environ.get("PAYMENTS_TEST_STATE_DIR", str(ROOT / ".state-test"))
    offset = int(os.environ.get("PAYMENTS_TEST_PORT_OFFSET", "5000")) + BESIDE
    settings = {
        "PAYMENTS_STATE_DIR": f"{Path(state).absolute()}-brokers",
        "PAYMENTS_PORT_OFFSET": str(offset),
        "KAFKA_BROKERS": "3",
    }
    run_stack("up", "kafka", "registry", **settings)
    try:
        environment: Mapping[str, str] = json.loads(run_stack("env", "--format", "json", **settings))
        for command in (("topics", "apply"), ("schemas", "register")):
            subprocess.run([sys.executable, "-m", "operations", *command], env=os.environ | environment, check=True)
        yield environment
    finally:
        run_stack("down", **settings)
    run_stack("clean-state", **settings)


def test_topics_have_the_copies_that_the_contracts_say_on_different_brokers(cluster: Mapping[str, str]) -> None:
    admin = AdminClient({"bootstrap.servers": cluster["KAFKA_BOOTSTRAP_SERVERS"]})
    there = admin.list_topics(timeout=30).topics
    wanted = {topic.name: topic for topic in topics_of(cluster["GATEWAY_PROVIDERS"])}
    assert wanted.keys() <= there.keys()
    asked = [ConfigResource(ResourceType.TOPIC, name) for name in wanted]
    told = {resource.name: answer.result() for resource, answer in admin.describe_configs(asked).items()}
    for name, topic in wanted.items():
        assert topic.replicas == 3
        assert all(sorted(each.replicas) == [1, 2, 3] for each in there[name].partitions.values()), name
        assert told[name]["min.insync.replicas"].value == str(topic.min_insync_replicas) == "2"
    # Leaders, too: the work of one topic is on all of them.
    assert {each.leader for each in there[STRIPE_RAW.name].partitions.values()} == {1, 2, 3}
