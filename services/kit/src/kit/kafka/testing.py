"""A producer without Kafka, and the behaviour that it and the real one share. For tests."""

# ruff: noqa: S101, D102  # tests assert, and their names say what they are about

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

import pytest

from kit.errors import Fault, Rejected, Transient
from kit.kafka.producer import Done

_MOST_BYTES = 1_000_000
Read = Callable[[], Sequence[tuple[bytes, bytes]]]
"""Returns every key and value that was written so far."""


async def acknowledged(write: Callable[[Done], None]) -> None:
    """Write something, and wait until it is acknowledged; raises why it is not."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    write(partial(_settle, future))
    try:
        await future
    finally:
        # It holds an error, which holds this frame: a circle that would keep the record until the next collection.
        del future


def _settle(future: "asyncio.Future[None]", error: Transient | Rejected | Fault | None) -> None:
    if future.done():
        # Whoever waited has given up.
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


class AnyProducer(Protocol):
    """What the behaviour is about."""

    def produce(
        self, topic: str, key: bytes, value: bytes, done: Done, headers: Mapping[str, bytes] | None = None
    ) -> None: ...

    async def warm_up(self, topics: Sequence[str]) -> None: ...

    def check(self) -> str | None: ...

    async def close(self) -> int: ...


class MemoryProducer:
    """Keeps records in memory. Set `trouble` to have it told, and clear `acknowledging` to hold answers back.

    It takes records of up to a million bytes, as the real one does.
    """

    def __init__(self, topics: Sequence[str]) -> None:
        self.records: list[tuple[str, bytes, bytes]] = []
        self.headers: list[dict[str, bytes]] = []
        self.trouble: Transient | Rejected | Fault | None = None
        self.acknowledging = asyncio.Event()
        self.acknowledging.set()
        self.is_closed = False
        self._topics = tuple(topics)
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_warm = False

    def produce(
        self, topic: str, key: bytes, value: bytes, done: Done, headers: Mapping[str, bytes] | None = None
    ) -> None:
        """Keep a record; tells Transient once closed, Rejected for a large one, or the trouble that was set."""
        self.headers.append(dict(headers or {}))
        task = asyncio.get_running_loop().create_task(self._produce(topic, key, value, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _produce(self, topic: str, key: bytes, value: bytes, done: Done) -> None:
        await self.acknowledging.wait()
        if self.trouble is not None:
            done(self.trouble)
        elif self.is_closed:
            done(Transient("The producer is closing."))
        elif len(key) + len(value) > _MOST_BYTES:
            done(Rejected("Kafka does not accept a record of this size.", "record_too_large"))
        else:
            self.records.append((topic, key, value))
            done(None)

    async def warm_up(self, topics: Sequence[str]) -> None:
        """Do nothing; raises Fault for a topic that does not exist, or the trouble that was set."""
        if self.trouble is not None:
            raise self.trouble
        for topic in topics:
            if topic not in self._topics:
                raise Fault(f"The topic {topic} does not exist. Run `payments topics apply`.")
        self._is_warm = True

    def check(self) -> str | None:
        """Tell whether it is warm and without trouble."""
        if self.trouble is not None:
            return str(self.trouble)
        return None if self._is_warm else "not warmed up"

    async def close(self) -> int:
        """Take no more."""
        self.is_closed = True
        return 0


class ProducerBehaviour:
    """What every producer does. Subclass it where the fixtures `producer`, `topic` and `read` are."""

    async def test_record_is_there_once_produce_returns(self, producer: AnyProducer, topic: str, read: Read) -> None:
        await acknowledged(partial(producer.produce, topic, b"key", b"\x00value\xff"))
        assert (b"key", b"\x00value\xff") in read()

    async def test_records_written_at_the_same_time_arrive_once_each(
        self, producer: AnyProducer, topic: str, read: Read
    ) -> None:
        values = [f"{number}".encode() for number in range(200)]
        await asyncio.gather(*(acknowledged(partial(producer.produce, topic, b"together", value)) for value in values))
        assert [value for key, value in read() if key == b"together"] == values

    async def test_is_in_order_after_warming_up(self, producer: AnyProducer, topic: str) -> None:
        await producer.warm_up([topic])
        assert producer.check() is None

    async def test_warming_up_finds_that_a_topic_is_missing(self, producer: AnyProducer) -> None:
        with pytest.raises(Fault, match="payments topics apply"):
            await producer.warm_up(["no-such-topic"])

    async def test_a_record_that_is_too_large_is_refused_and_others_go_on(
        self, producer: AnyProducer, topic: str, read: Read
    ) -> None:
        with pytest.raises(Rejected) as caught:
            await acknowledged(partial(producer.produce, topic, b"key", bytes(1_000_001)))
        assert caught.value.reason_code == "record_too_large"
        await acknowledged(partial(producer.produce, topic, b"key", b"small enough"))
        assert (b"key", b"small enough") in read()

    async def test_refuses_records_after_close(self, producer: AnyProducer, topic: str) -> None:
        await producer.close()
        with pytest.raises(Transient):
            await acknowledged(partial(producer.produce, topic, b"key", b"value"))
