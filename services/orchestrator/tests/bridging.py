"""A topic, workflows and a gate as the bridge meets them, without servers."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from kit.errors import Fault, Rejected
from kit.kafka import Partition
from orchestrator.bridge import Bridge
from orchestrator.routing import Unusable
from orchestrator.source import Arrival, GiveUp, Poison
from payments_contracts.pins.orchestrator import PaymentEvent

MakeEvent = Callable[..., PaymentEvent]
ZERO, ONE = Partition("t", 0), Partition("t", 1)


class Topic:
    """A topic in memory and the group's committed offsets; sessions begin at those."""

    def __init__(self, event: PaymentEvent, **numbers: int) -> None:
        self.event = event
        self.ends = {ZERO: numbers.get("zero", 0), ONE: numbers.get("one", 0)}
        self.committed: dict[Partition, int] = {ZERO: 0, ONE: 0}
        self.sessions: list[Session] = []
        self.poll_errors: list[Exception] = []
        self.rebalances = 0
        self.poison: frozenset[int] = frozenset()

    def open(self, give_up: GiveUp) -> "Session":
        session = Session(self, give_up)
        self.sessions.append(session)
        return session


class Session:
    def __init__(self, topic: Topic, give_up: GiveUp) -> None:
        self.topic = topic
        self.give_up = give_up
        self.position = dict(topic.committed)
        self.limits: list[int] = []
        self.closed = False

    async def poll(self, limit: int) -> Sequence[Arrival | Poison]:
        self.limits.append(limit)
        await asyncio.sleep(0.001)
        if self.topic.poll_errors:
            raise self.topic.poll_errors.pop()
        arrivals: list[Arrival | Poison] = []
        for partition, end in self.topic.ends.items():
            while self.position.get(partition, end) < end and len(arrivals) < limit:
                offset = self.position[partition]
                name = f"{partition.number}-{offset}"
                if offset in self.topic.poison:
                    arrivals.append(Poison(partition, offset, b"", b"?", Unusable("not Avro", "avro_unreadable")))
                else:
                    arrivals.append(Arrival(partition, offset, self.topic.event.model_copy(update={"event_id": name})))
                self.position[partition] += 1
        return arrivals

    async def commit(self, offsets: Mapping[Partition, int]) -> bool:
        if self.topic.rebalances:
            self.topic.rebalances -= 1
            return False
        self.topic.committed |= offsets
        return True

    async def revoke(self, partition: Partition) -> None:
        del self.position[partition]
        self.topic.committed |= await self.give_up([partition])

    async def close(self) -> None:
        self.topic.committed |= await self.give_up(list(self.position))
        self.closed = True


class Workflows:
    """Starts everything but what is held back or broken."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.held: dict[str, asyncio.Event] = {}
        self.errors: dict[str, Exception] = {}
        self.at_once = 0
        self.most_at_once = 0
        self.refused: list[str] = []

    async def start(self, arrival: Arrival) -> None:
        event = arrival.event
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0.001)
            if event.event_id in self.held:
                await self.held[event.event_id].wait()
            if event.event_id in self.errors:
                raise self.errors[event.event_id]
            self.started.append(event.event_id)
        finally:
            self.at_once -= 1

    async def refuse(self, arrival: Arrival | Poison, error: Rejected, undecided: int) -> None:
        name = arrival.event.event_id if isinstance(arrival, Arrival) else str(arrival.position)
        if name in self.errors and isinstance(self.errors[name], Fault):
            raise self.errors[name]
        self.refused.append(f"{name} {error.reason_code}")


class Gate:
    """Open, unless told otherwise."""

    def __init__(self) -> None:
        self.places = 1_000
        self.asked = asyncio.Event()

    def room(self) -> int:
        return self.places

    async def wait_for_room(self, seconds: float) -> None:
        self.asked.set()
        await asyncio.sleep(0.001)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.002)


def bridge_of(topic: Topic, workflows: Workflows, gate: Gate | None = None, **options: float) -> Bridge:
    return Bridge(
        topic.open,
        workflows.start,
        workflows.refuse,
        gate or Gate(),
        max_in_flight=int(options.get("max_in_flight", 50)),
        commit_seconds=0.005,
        drain_seconds=options.get("drain_seconds", 5.0),
    )


async def run_until(bridge: Bridge, condition: Callable[[], bool]) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(bridge.run(stop))
    waiting = asyncio.create_task(until(condition))
    await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    waiting.cancel()
    await running
