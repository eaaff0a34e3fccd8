"""What becomes of events that can have no workflow: a few are dead letters, many mean that something else is wrong."""

import asyncio
from collections import deque

from kit.errors import Fault, Rejected

from orchestrator.activities.dead_letters import DeadLetters
from orchestrator.messages import DeadLetter
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
        self._times: deque[float] = deque()

    async def refuse(self, arrival: Arrival, error: Rejected) -> None:
        """Return once a dead letter of the event is durable.

        Raises:
            Fault: More than the limit were refused within the window.
            Transient: Kafka is away.
        """
        now = asyncio.get_running_loop().time()
        self._times.append(now)
        while self._times and self._times[0] < now - self._window_seconds:
            self._times.popleft()
        if len(self._times) > self._limit:
            raise Fault(
                f"{len(self._times)} events were refused within {self._window_seconds:g} s, the last at "
                f"{arrival.position}: {error}. So many are no events' fault; the rest stays in Kafka."
            )
        await self._dead_letters.write(
            DeadLetter(
                event=arrival.event, position=arrival.position, reason_code=error.reason_code, reason=error.detail
            )
        )
