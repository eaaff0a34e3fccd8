"""Kafka of one broker or of three."""

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from stack import environment
from stack.context import Context
from stack.definition import select
from stack.errors import StackError
from stack.places import broker_name, brokers_of
from stack.processes import Process, waves
from stack.servers import kafka
from stack.session import Session
from stack.settings import Settings


@pytest.fixture
def three(context: Context) -> Context:
    return replace(context, places=replace(context.places, brokers=3))


def properties(context: Context, number: int) -> dict[str, str]:
    return dict(line.split("=", 1) for line in kafka.properties(context, number).splitlines())


def test_one_broker_is_what_there_is_unless_more_are_asked_for(context: Context) -> None:
    assert [item.name for item in kafka.items(context)] == ["kafka-storage", "kafka"]
    assert environment.shared(context.places, context.ports, context.secrets)["TOPICS_MOST_REPLICAS"] == "1"


def test_each_of_three_brokers_has_ports_and_storage_of_its_own_and_knows_the_others(three: Context) -> None:
    told = [properties(three, number) for number in (1, 2, 3)]
    for name in ("node.id", "listeners", "advertised.listeners", "log.dirs"):
        assert len({each[name] for each in told}) == 3, name
    (voters,) = {each["controller.quorum.bootstrap.servers"] for each in told}
    assert len(voters.split(",")) == 3
    for each in told:
        assert any(f"CONTROLLER://{voter}" in each["listeners"] for voter in voters.split(","))
        assert each["transaction.state.log.replication.factor"] == "3"
        assert each["transaction.state.log.min.isr"] == "2"


def test_clients_are_told_of_all_brokers_and_topics_get_their_copies(three: Context) -> None:
    told = environment.shared(three.places, three.ports, three.secrets)
    assert told["KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:24092,127.0.0.1:24094,127.0.0.1:24096"
    assert told["TOPICS_MOST_REPLICAS"] == "3"


def test_what_needs_kafka_needs_all_brokers(three: Context) -> None:
    everything = kafka.items(three)
    assert {item.name for item in select(everything, ["kafka"], None)} == {item.name for item in everything}
    assert waves(everything) == [["kafka"], ["kafka-2", "kafka-3"]]
    ports = [port for item in everything if isinstance(item, Process) for port in item.ports]
    assert len(set(ports)) == 6


@pytest.mark.parametrize("brokers", [1, 3])
def test_a_state_directory_keeps_the_number_that_it_began_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, brokers: int
) -> None:
    monkeypatch.setenv("PAYMENTS_STATE_DIR", str(tmp_path))
    assert brokers_of(tmp_path) is None
    for number in range(1, brokers + 1):
        meta = tmp_path / "data" / broker_name(number) / "meta.properties"
        meta.parent.mkdir(parents=True)
        meta.touch()
    assert Settings().places().brokers == brokers
    monkeypatch.setenv("KAFKA_BROKERS", str(4 - brokers))
    # Whoever stops or deletes it need not know.
    assert Settings().places().brokers == brokers
    with pytest.raises(StackError, match=rf"was made of {brokers} broker.*not of {4 - brokers}.*PAYMENTS_STATE_DIR"):
        Session(Settings(), Console()).context()


def test_formatting_that_was_interrupted_begins_as_three_again(three: Context) -> None:
    # The last is formatted first.
    meta = three.data("kafka-3") / "meta.properties"
    meta.parent.mkdir(parents=True)
    meta.write_text("cluster.id=Kabc\n")
    assert brokers_of(three.places.state) == 3
