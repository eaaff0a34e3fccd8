"""The producer without Kafka behaves like the real one; tests/integration holds the real one to the same."""

from collections.abc import Sequence

import pytest
from kit.kafka.testing import MemoryProducer, ProducerBehaviour, Read


class TestMemoryProducer(ProducerBehaviour):
    @pytest.fixture
    def topic(self) -> str:
        return "topic"

    @pytest.fixture
    def producer(self, topic: str) -> MemoryProducer:
        return MemoryProducer([topic])

    @pytest.fixture
    def read(self, producer: MemoryProducer) -> Read:
        def read() -> Sequence[tuple[bytes, bytes]]:
            return [(key, value) for _topic, key, value in producer.records]

        return read
