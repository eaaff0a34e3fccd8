"""What the end of a topic says while the brokers do not show the topic."""

from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError
from kit.errors import Fault, Transient
from kit.kafka.tail import Tail


@pytest.fixture
def tail() -> Iterator[Tail]:
    with closing(Tail("127.0.0.1:9", ("payments",), client_id="test")) as tail:
        yield tail


def shown(monkeypatch: pytest.MonkeyPatch, tail: Tail, **topics: int) -> None:
    """Have the brokers show topics, each with an error."""
    listed = {name: SimpleNamespace(error=KafkaError(code)) for name, code in topics.items()}
    consumer = SimpleNamespace(
        list_topics=lambda **_: SimpleNamespace(topics=listed), close=tail._consumer.close, assign=print
    )
    monkeypatch.setattr(tail, "_consumer", consumer)


def test_a_topic_whose_partitions_elect_a_leader_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, tail: Tail
) -> None:
    shown(monkeypatch, tail, payments=KafkaError.LEADER_NOT_AVAILABLE)
    with pytest.raises(Transient, match="payments cannot be read yet: Broker: Leader not available"):
        tail.wait(0)


def test_a_topic_that_nobody_made_stops_the_program(monkeypatch: pytest.MonkeyPatch, tail: Tail) -> None:
    shown(monkeypatch, tail, payments=KafkaError.UNKNOWN_TOPIC_OR_PART)
    with pytest.raises(Fault, match="There is no topic payments"):
        tail.wait(0)
    shown(monkeypatch, tail)
    with pytest.raises(Fault, match="There is no topic payments"):
        tail.wait(0)
