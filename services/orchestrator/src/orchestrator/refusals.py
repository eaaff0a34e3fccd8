"""What becomes of events that can have no workflow: a few are dead letters, many mean that something else is wrong."""

import asyncio

import stamina
from kit.errors import Fault, Rejected, Transient

from orchestrator.activities.dead_letters import DeadLetters
from orchestrator.messages import DeadLetter, Position
from orchestrator.source import Arrival


class Refusals:
    """Dead-letters single events, and stops when they become many.

    Args:
        dead_letters: Where to write them.
        limit: Refused events within the window; one more is a Fault.
        window_seconds: See `limit`.
    """

    def __init__(self, dead_letters: DeadLetters, *, limit: int = 20, window_seconds: float = 60.0) -> None:
        self._dead_letters = dead_letters
        self._limit = limit
        self._window_seconds = window_seconds
        self._times: dict[Position, float] = {}

    async def refuse(self, arrival: Arrival, error: Rejected) -> None:
        """Return once a dead letter of the event is durable; wait as long as Kafka is away.

        Raises:
            Fault: More than the limit were refused within the window.
        """
        now = asyncio.get_running_loop().time()
        # Once for each event, however often Kafka gives it out.
        self._times[arrival.position] = now
        while self._times and min(self._times.values()) < now - self._window_seconds:
            self._times.pop(min(self._times, key=self._times.__getitem__))
        if len(self._times) > self._limit:
            raise Fault(
                f"{len(self._times)} events were refused within {self._window_seconds:g} s, the last at "
                f"{arrival.position}: {error}. So many cannot be the fault of the events; the rest stays in Kafka."
            )
        letter = DeadLetter(
            event=arrival.event, position=arrival.position, reason_code=error.reason_code, reason=error.detail
        )
        async for attempt in stamina.retry_context(on=Transient, attempts=None, timeout=None, wait_max=5.0):
            with attempt:
                await self._dead_letters.write(letter)
