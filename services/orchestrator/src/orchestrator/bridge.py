"""From the topic to Temporal: a workflow for every event, and offsets only for workflows that are durable."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import stamina
import structlog
from kit.errors import PipelineError, Rejected, Transient, gravest
from kit.kafka import Partition

from orchestrator import metrics
from orchestrator.offsets import OffsetTracker
from orchestrator.routing import DEFECT, defect
from orchestrator.source import Arrival, OpenSource, Poison, Source

_log = structlog.get_logger(__name__)

Start = Callable[[Arrival], Awaitable[None]]
"""Returns once the event's workflow is durable; raises Rejected for an event that can have none, Fault if none can."""

Refuse = Callable[[Arrival | Poison, Rejected, int], Awaitable[None]]
"""Returns once a dead letter of the record is durable; raises Fault where too many records are refused. The number is
of other events that are being started."""


class Gate(Protocol):
    """Says how many workflows may be started now."""

    def room(self) -> int:
        """Return how many more workflows may be started."""

    async def wait_for_room(self, seconds: float) -> None:
        """Return when there may be more room, or after a time."""


_ROOM_SECONDS = 1.0
# A poll without room keeps the membership alive, but makes the client forget what it has fetched ahead.
_WAITS_BETWEEN_POLLS = 5
_GIVE_UP_SECONDS = 5.0


class Bridge:
    """Reads events, starts their workflows side by side, and commits offsets in order.

    Args:
        open_source: Opens a session with the topic; done again when Kafka was away.
        start: Starts a workflow.
        refuse: Takes a record that can have no workflow.
        gate: Says how many workflows may be started; what may not stays in Kafka.
        max_in_flight: Events read whose workflow is not durable yet; beyond it, reading pauses.
        commit_seconds: Time between commits.
        drain_seconds: How long to wait at the end for starts under way.
    """

    def __init__(
        self,
        open_source: OpenSource,
        start: Start,
        refuse: Refuse,
        gate: Gate,
        *,
        max_in_flight: int = 200,
        commit_seconds: float = 1.0,
        drain_seconds: float = 15.0,
    ) -> None:
        self._open_source = open_source
        self._start = start
        self._refuse = refuse
        self._gate = gate
        self._max_in_flight = max_in_flight
        self._commit_seconds = commit_seconds
        self._drain_seconds = drain_seconds
        self._tracker: OffsetTracker[Partition] = OffsetTracker()
        self._under_way: set[asyncio.Task[None]] = set()
        self._starting = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then finish what is under way.

        Raises:
            Fault: Too many records are unusable, or no workflow can be started; their offsets are not committed.
        """
        async for attempt in stamina.retry_context(on=Transient, attempts=None, timeout=None, wait_max=5.0):
            with attempt:
                try:
                    await self._session(stop)
                except ExceptionGroup as group:
                    raise gravest(group) from group

    async def _session(self, stop: asyncio.Event) -> None:
        self._tracker = OffsetTracker()
        self._starting = 0
        source = self._open_source(self._give_up)
        try:
            async with asyncio.TaskGroup() as tasks:
                committing = tasks.create_task(self._commit_regularly(source))
                waits = 0
                while not stop.is_set():
                    room = await self._room()
                    waits = waits + 1 if room <= 0 else 0
                    if not waits or waits % _WAITS_BETWEEN_POLLS == 0:
                        for arrival in await source.poll(room):
                            self._begin(arrival, tasks)
                await self._settle(None, self._drain_seconds)
                for task in (committing, *self._under_way):
                    task.cancel()
        finally:
            # Giving up the partitions commits what is finished of them.
            await source.close()

    async def _room(self) -> int:
        """Return how many more events may be read, after a moment's wait if there is no room."""
        if len(self._under_way) >= self._max_in_flight:
            await asyncio.wait(self._under_way, timeout=_ROOM_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        elif self._gate.room() <= 0:
            await self._gate.wait_for_room(_ROOM_SECONDS)
        return min(self._max_in_flight - len(self._under_way), self._gate.room())

    def _begin(self, arrival: Arrival | Poison, tasks: asyncio.TaskGroup) -> None:
        self._tracker.begin(arrival.partition, arrival.offset)
        # Counted here and not in the task: what is refused at once must know of all that came with it.
        self._starting += isinstance(arrival, Arrival)
        task = tasks.create_task(self._bring(arrival, self._tracker))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        metrics.IN_FLIGHT.set(len(self._under_way))

    async def _bring(self, arrival: Arrival | Poison, tracker: OffsetTracker[Partition]) -> None:
        if (refusal := await self._refusal(arrival)) is not None:
            await self._refuse(arrival, refusal, self._starting)
        tracker.finish(arrival.partition, arrival.offset)

    async def _refusal(self, arrival: Arrival | Poison) -> Rejected | None:
        """Start the event's workflow; return why there is none."""
        if isinstance(arrival, Poison):
            return arrival.error
        try:
            await self._start(arrival)
        except Rejected as error:
            return error
        except (PipelineError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, it concerns this event; many of its kind stop all
            return Rejected(defect(error), DEFECT)
        finally:
            self._starting -= 1
        return None

    async def _settle(self, partitions: Sequence[Partition] | None, seconds: float) -> None:
        """Wait until no event of the partitions is under way, but no longer than told."""
        deadline = asyncio.get_running_loop().time() + seconds
        while self._under_way and self._tracker.unfinished(partitions):
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                _log.warning("starts_left_unfinished", count=self._tracker.unfinished(partitions))
                return
            await asyncio.wait(self._under_way, timeout=left, return_when=asyncio.FIRST_COMPLETED)

    async def _give_up(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        await self._settle(partitions, _GIVE_UP_SECONDS)
        offsets = self._tracker.committable(partitions)
        self._tracker.forget(partitions)
        return offsets

    async def _commit_regularly(self, source: Source) -> None:
        while True:
            await asyncio.sleep(self._commit_seconds)
            metrics.IN_FLIGHT.set(len(self._under_way))
            if (offsets := self._tracker.committable()) and await source.commit(offsets):
                self._tracker.committed(offsets)
                metrics.COMMITS.inc()
