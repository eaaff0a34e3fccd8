"""A consumer gives out every good message of a batch, whatever else is in it."""

from dataclasses import dataclass

import pytest
from confluent_kafka import KafkaError
from kit.errors import Transient
from kit.kafka import Consumer


@dataclass
class Delivered:
    """What librdkafka hands over: a message, or an event that says what failed."""

    number: int
    failure: KafkaError | None = None

    def error(self) -> KafkaError | None:
        return self.failure

    def topic(self) -> str:
        return "orders"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.number

    def timestamp(self) -> tuple[int, int]:
        return (1, 0)

    def key(self) -> None:
        return None

    def headers(self) -> None:
        return None

    def value(self) -> bytes:
        return b"value"


class Broker:
    """Stands in the place of librdkafka's consumer and gives batches that were prepared."""

    def __init__(self, *batches: list[Delivered]) -> None:
        self._batches = list(batches)
        self._rest: list[Delivered] = []

    def poll(self, _timeout: float) -> Delivered | None:
        if not self._batches:
            return None
        first, *self._rest = self._batches.pop(0)
        return first

    def consume(self, _limit: int, timeout: float) -> list[Delivered]:
        return self._rest


def consumer(*batches: list[Delivered]) -> Consumer:
    made = Consumer("127.0.0.1:1", "group", ["orders"], client_id="test")
    made.close()
    made._consumer = Broker(*batches)  # type: ignore[assignment]  # a fake in the place of the C extension's type
    return made


DOWN = KafkaError(KafkaError._TRANSPORT)


def test_messages_beside_a_failure_are_given_out_before_it() -> None:
    reader = consumer([Delivered(1), Delivered(0, DOWN), Delivered(2)])
    assert [message.offset for message in reader.poll(10, 0.1)] == [1, 2]
    with pytest.raises(Transient):
        reader.poll(10, 0.1)


def test_a_failure_alone_is_raised_at_once_and_only_once() -> None:
    reader = consumer([Delivered(0, DOWN)], [Delivered(3)])
    with pytest.raises(Transient):
        reader.poll(10, 0.1)
    assert [message.offset for message in reader.poll(10, 0.1)] == [3]
