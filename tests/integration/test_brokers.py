"""Kafka of three brokers, as the contracts want it: a stack of its own, of Kafka and the registry alone."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the module does not export its names
    AdminClient,
    ConfigResource,
    ResourceType,
)
from payments_contracts.topics import STRIPE_RAW, topics_of
from stack.places import Places, broker_name
from stack.shutdown import stop_services
from stack.supervision import Supervisor

from tests.conftest import ROOT, run_stack
from tests.integration.gateways import Load, loaded, running
from tests.tail import Tail

pytestmark = [pytest.mark.integration, pytest.mark.nightly, pytest.mark.timeout(900)]

BROKERS = tuple(broker_name(number) for number in (1, 2, 3))
# No port of the stack of the tests is one of this stack's.
BESIDE = 400
CONNECTIONS = 10
PATIENCE_SECONDS = 120


class Cluster:
    """The brokers of a stack, to be killed and started again."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.admin = AdminClient({"bootstrap.servers": environment["KAFKA_BOOTSTRAP_SERVERS"]})
        state = Path(environment["PAYMENTS_STATE_DIR"])
        self._supervisor = Supervisor(Places(repository=ROOT, cache=state, state=state))

    def kill(self, name: str) -> None:
        """End a broker without warning, and keep the supervisor from starting it again."""
        pid = self._supervisor.processes()[name].pid
        os.kill(pid, signal.SIGKILL)
        _until(lambda: self._supervisor.processes()[name].pid != pid, f"{name} is not gone")
        stop_services(self._supervisor, [name])

    def start(self, *names: str) -> None:
        """Start brokers and wait until each partition has all its copies again."""
        for name in names:
            self._supervisor.launch(name)
        _until(
            lambda: self.copies_in_sync() == {3}, f"not all copies are in sync after {' and '.join(names)} came back"
        )

    def copies_in_sync(self) -> set[int]:
        """Return how many copies in sync the partitions of a topic have."""
        partitions = self.admin.list_topics(STRIPE_RAW.name, timeout=30).topics[STRIPE_RAW.name].partitions
        return {len(partition.isrs) for partition in partitions.values()}


def _until(condition: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(complaint)
        time.sleep(0.1)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
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
        yield Cluster(environment)
    finally:
        run_stack("down", **settings)
    run_stack("clean-state", **settings)


@pytest.fixture
def raw(cluster: Cluster) -> Iterator[Tail]:
    tail = Tail(cluster.environment, STRIPE_RAW)
    yield tail
    tail.close()


def test_topics_have_the_copies_that_the_contracts_say_on_different_brokers(cluster: Cluster) -> None:
    there = cluster.admin.list_topics(timeout=30).topics
    wanted = {topic.name: topic for topic in topics_of(cluster.environment["GATEWAY_PROVIDERS"])}
    assert wanted.keys() <= there.keys()
    asked = [ConfigResource(ResourceType.TOPIC, name) for name in wanted]
    told = {resource.name: answer.result() for resource, answer in cluster.admin.describe_configs(asked).items()}
    for name, topic in wanted.items():
        assert topic.replicas == 3
        assert all(sorted(each.replicas) == [1, 2, 3] for each in there[name].partitions.values()), name
        assert told[name]["min.insync.replicas"].value == str(topic.min_insync_replicas) == "2"
    # Leaders, too: the work of one topic is on all of them.
    assert {each.leader for each in there[STRIPE_RAW.name].partitions.values()} == {1, 2, 3}


def payloads(tail: Tail) -> set[bytes]:
    return {record["payload"] for _, record in tail.records()}


async def test_each_broker_in_turn_is_killed_under_traffic_and_what_was_acknowledged_is_there(
    cluster: Cluster, raw: Tail
) -> None:
    with running(cluster.environment) as gateway:
        await asyncio.to_thread(gateway.wait_until, 200)
        async with loaded(gateway, CONNECTIONS) as load:
            acknowledged = asyncio.create_task(longest_silence(load))
            await load.more(100, status=200)
            for name in BROKERS:
                await asyncio.to_thread(cluster.kill, name)
                # The two that are left are enough.
                await load.more(500, status=200)
                await asyncio.to_thread(cluster.start, name)
                await load.more(100, status=200)
        acknowledged.cancel()
    silence = await acknowledged
    print(f"{len(load.accepted)} acknowledged, the longest time without one was {silence:.1f} s")  # noqa: T201
    assert load.statuses <= {200, 503}
    assert load.accepted <= payloads(raw)


async def longest_silence(load: Load) -> float:
    """Return the longest time in seconds between two acknowledgements, until it is cancelled."""
    moments = [time.monotonic()]
    try:
        while True:
            await load.more(1, status=200)
            moments.append(time.monotonic())
    except asyncio.CancelledError:
        return max(later - earlier for earlier, later in pairwise(moments))


async def test_one_broker_of_three_acknowledges_nothing_and_what_was_acknowledged_is_there(
    cluster: Cluster, raw: Tail
) -> None:
    with running(cluster.environment, ACKNOWLEDGEMENT_DEADLINE_SECONDS="1") as gateway:
        await asyncio.to_thread(gateway.wait_until, 200)
        async with loaded(gateway, CONNECTIONS) as load:
            await load.more(200, status=200)
            for name in BROKERS[:2]:
                await asyncio.to_thread(cluster.kill, name)
            # The third answers, and has led partitions, but cannot make sure of anything alone.
            await asyncio.to_thread(gateway.wait_until, 503)
            # What was under way when the second was killed has its answer.
            await load.more(CONNECTIONS, status=503)
            alone = len(load.answers)
            await load.more(50)
            answers = [answer for _, answer in load.answers[alone:]]
            await asyncio.to_thread(cluster.start, *BROKERS[:2])
            await load.more(100, status=200)
            await asyncio.to_thread(gateway.wait_until, 200)
    assert {answer.status_code for answer in answers} == {503}
    assert {answer.json()["reason_code"] for answer in answers} == {"broker_unavailable"}
    assert load.accepted <= payloads(raw)
