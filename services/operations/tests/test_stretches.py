"""What is asked of Kafka while a partition has no leader is asked again."""

from types import SimpleNamespace
from typing import Any

import pytest
import stamina
from confluent_kafka import KafkaError, KafkaException
from operations.errors import UnavailableError
from operations.stretches import Stretches


class Broker:
    """Knows a topic of one partition, and fails so many times before it tells its offsets."""

    def __init__(self, code: int, failures: int) -> None:
        self.code = code
        self.failures = failures

    def list_topics(self, topic: str, timeout: float) -> Any:
        assert timeout > 0
        return SimpleNamespace(topics={topic: SimpleNamespace(error=None, partitions={0: object()})})

    def get_watermark_offsets(self, place: Any, timeout: float) -> tuple[int, int]:
        assert (place.partition, timeout > 0) == (0, True)
        if self.failures:
            self.failures -= 1
            raise KafkaException(KafkaError(self.code))
        return 3, 7

    def poll(self, timeout: float) -> None:
        assert timeout == 0


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(broker: Broker) -> Stretches:
        monkeypatch.setattr("operations.stretches.Consumer", lambda _: broker)
        return Stretches("unused", passes_gaps=False)

    with stamina.set_testing(True, attempts=3):
        yield make


@pytest.mark.parametrize("code", [KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE])
def test_a_partition_that_elects_its_leader_is_asked_again(reading: Any, code: int) -> None:
    assert reading(Broker(code, failures=2)).bounds("topic") == {0: (3, 7)}


def test_a_partition_that_gets_no_leader_is_told_of(reading: Any) -> None:
    with pytest.raises(UnavailableError, match="Kafka does not answer"):
        reading(Broker(KafkaError.NOT_LEADER_FOR_PARTITION, failures=3)).bounds("topic")


def test_what_no_patience_mends_is_told_of_at_once(reading: Any) -> None:
    broker = Broker(KafkaError.TOPIC_AUTHORIZATION_FAILED, failures=2)
    with pytest.raises(UnavailableError):
        reading(broker).bounds("topic")
    assert broker.failures == 1
