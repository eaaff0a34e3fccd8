"""The topic of normalized events, read without blocking the event loop."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import structlog
from kit.errors import Transient
from kit.kafka import Consumer, Message, Partition
from payments_contracts.pins.orchestrator import PaymentEvent

from orchestrator.messages import Position
from orchestrator.routing import Router, Unusable

_POLL_SECONDS = 0.25
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event, where it was read, and when it was written there."""

    partition: Partition
    offset: int
    event: PaymentEvent
    written_at: datetime | None = None

    @property
    def position(self) -> Position:
        """The place, as workflows know it."""
        return Position(
            topic=self.partition.topic,
            partition=self.partition.number,
            offset=self.offset,
            written_at=self.written_at,
        )


@dataclass(frozen=True, slots=True)
class Poison:
    """A record of which no event can be made, as it was read, and why."""

    partition: Partition
    offset: int
    key: bytes
    value: bytes
    error: Unusable
    written_at: datetime | None = None

    @property
    def position(self) -> Position:
        """The place, as dead letters tell it."""
        return Position(topic=self.partition.topic, partition=self.partition.number, offset=self.offset)


GiveUp = Callable[[Sequence[Partition]], Awaitable[Mapping[Partition, int]]]
"""Finishes what it can of partitions that are taken away, and returns the offsets to commit for them."""


class Source(Protocol):
    """A session with the topic. After Transient from `poll` it must be closed: it may have dropped messages."""

    async def poll(self, limit: int) -> Sequence[Arrival | Poison]:
        """Wait a moment for up to `limit` records; with a limit below 1 only keep the membership alive."""

    async def commit(self, offsets: Mapping[Partition, int]) -> bool:
        """Store the next offsets to read; False if that has to be done again, because the group is rebalanced."""

    async def close(self) -> None:
        """Give up all partitions and leave the group."""


OpenSource = Callable[[GiveUp], Source]


class KafkaSource:
    """A session with Kafka, in one thread of its own, since a consumer may be used by one only.

    Args:
        open_consumer: Makes the consumer, given what to call when partitions are taken away.
        router: Makes events of messages.
        give_up: See GiveUp.
        give_up_seconds: How long it may take; the group waits for it.
    """

    def __init__(
        self,
        open_consumer: Callable[[Callable[[Sequence[Partition]], None]], Consumer],
        router: Router,
        give_up: GiveUp,
        *,
        give_up_seconds: float = 10.0,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kafka")
        self._router = router
        self._give_up = give_up
        self._give_up_seconds = give_up_seconds
        self._paused: set[Partition] = set()
        self._revoked_in_poll: set[Partition] = set()
        self._consumer = open_consumer(self._revoked)

    async def poll(self, limit: int) -> Sequence[Arrival | Poison]:
        """Wait a moment for up to `limit` records; with a limit below 1 only keep the membership alive.

        Raises:
            Transient: The brokers or the registry do not answer.
            Fault: The topic does not exist, or the registry lets nobody ask.
        """
        return await self._loop.run_in_executor(self._thread, self._poll, limit)

    async def commit(self, offsets: Mapping[Partition, int]) -> bool:
        """Store the next offsets to read; False if that has to be done again, because the group is rebalanced.

        Raises:
            Transient: The brokers do not answer.
        """
        return await self._loop.run_in_executor(self._thread, self._commit, offsets)

    async def close(self) -> None:
        """Give up all partitions and leave the group."""
        await self._loop.run_in_executor(self._thread, self._consumer.close)
        self._thread.shutdown(wait=False)

    def check(self) -> str | None:
        """Say for /readyz what is wrong with Kafka; None if nothing is."""
        return self._consumer.check()

    # What follows runs in the thread.

    def _poll(self, limit: int) -> list[Arrival | Poison]:
        ours = set(self._consumer.assignment())
        if limit <= 0:
            self._consumer.pause(list(ours))
            self._paused |= ours
        elif back := self._paused & ours:
            # One that was taken away while it was paused comes back paused.
            self._consumer.resume(list(back))
            self._paused -= back
        self._revoked_in_poll.clear()
        messages = self._consumer.poll(max(1, limit), _POLL_SECONDS)
        places = [Partition(message.topic, message.partition) for message in messages]
        if self._revoked_in_poll & set(places) & set(self._consumer.assignment()):
            # Of these messages nobody can tell which assignment they are of; the next session begins at the offsets.
            raise Transient("partitions were taken away and given back within one poll")
        return [
            self._arrival(place, message)
            for place, message in zip(places, messages, strict=True)
            if place not in self._revoked_in_poll
        ]

    def _arrival(self, place: Partition, message: Message) -> Arrival | Poison:
        written_at = datetime.fromtimestamp(message.timestamp / 1000, UTC) if message.timestamp > 0 else None
        try:
            event = self._router.route(message.value)
        except Unusable as error:
            return Poison(place, message.offset, message.key or b"", message.value or b"", error, written_at)
        return Arrival(place, message.offset, event, written_at)

    def _commit(self, offsets: Mapping[Partition, int]) -> bool:
        # Partitions may have gone to another member while the call waited for this thread.
        ours = set(self._consumer.assignment())
        return self._consumer.commit({partition: offset for partition, offset in offsets.items() if partition in ours})

    def _revoked(self, partitions: Sequence[Partition]) -> None:
        # A coroutine of the loop waits for what is under way; this thread has to wait for it, since the partitions
        # are gone once it returns.
        self._revoked_in_poll.update(partitions)

        async def give_up() -> Mapping[Partition, int]:
            return await self._give_up(partitions)

        waiting = asyncio.run_coroutine_threadsafe(give_up(), self._loop)
        try:
            offsets = waiting.result(self._give_up_seconds)
            self._consumer.commit(offsets)
        except (Transient, TimeoutError) as error:
            waiting.cancel()
            # Whoever reads the partitions next starts these workflows again, which changes nothing.
            _log.warning("offsets_not_committed", partitions=len(partitions), error=str(error))
