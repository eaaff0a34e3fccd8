"""The workflows that this process has started and whose rows it has not committed yet."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from orchestrator import metrics

M = TypeVar("M")


_FORGOTTEN_AFTER_SECONDS = 600.0
_FEWEST = 8
_SHRUNK_TO = 0.5
_GAIN = 0.25


@dataclass(slots=True)
class _Open(Generic[M]):
    token: str
    mark: M | None
    since: float = field(default_factory=lambda: asyncio.get_running_loop().time())


class OpenWorkflows(Generic[M]):
    """Bounds how many workflows are open at once, and vouches for rows that nobody can have written yet.

    A thousand open workflows of one process make each other wait beyond Temporal's time limits, and then do their work
    again; a hundred keep both cores busy. A workflow that takes longer than `patience_seconds` waits for something that
    others need not wait for: it is not counted any more, and forgotten after a while.

    Where the machine has less to give, a hundred are too many: a row that waits beyond its time limit takes the longer
    way, which costs more, and then all of them do. So the bound follows the time that workflows take, as TCP's window
    follows loss (additive increase, multiplicative decrease, RFC 5681): one that took longer than `goal_seconds` halves
    it, unless it began before the last halving, and each that was faster adds a quarter.

    Each start has a token, which its workflow knows: what this process says of a start must not be taken for another
    start of the same event, whose workflow may have written its row elsewhere.

    Args:
        limit: Workflows that may be open at most.
        mark: Returns the state in which the table is now.
        hindrance: Says why no workflow should be started at present, as while the lake is away; None if it may.
        patience_seconds: See above.
        goal_seconds: See above.
    """

    def __init__(
        self,
        limit: int,
        *,
        mark: Callable[[], M],
        hindrance: Callable[[], str | None] = lambda: None,
        patience_seconds: float = 10.0,
        goal_seconds: float = 4.0,
    ) -> None:
        self._limit = limit
        self._allowed = float(limit)
        self._halved_at = float("-inf")
        self._goal_seconds = goal_seconds
        self._mark = mark
        self._hindrance = hindrance
        self._patience_seconds = patience_seconds
        self._open: dict[str, _Open[M]] = {}
        self._changed = asyncio.Event()

    def begin(self, event_id: str) -> str | None:
        """Count a workflow that is about to be started, and return its token; None if one is open here already."""
        if event_id in self._open:
            return None
        token = uuid.uuid4().hex
        self._open[event_id] = _Open(token, self._mark())
        self._report()
        return token

    def take_mark(self, event_id: str, token: str | None) -> M | None:
        """Return, once, the table's state before a start; None if the row may have been written since."""
        found = self._open.get(event_id)
        if found is None or found.token != token:
            return None
        mark, found.mark = found.mark, None
        return mark

    def end(self, event_id: str, token: str | None) -> None:
        """Count the workflow of a start no longer, whose row is committed."""
        found = self._remove(event_id, token)
        if found is not None:
            self._learn(found.since)

    def withdraw(self, event_id: str, token: str | None) -> None:
        """Count a start no longer that made no workflow, or none of this process."""
        self._remove(event_id, token)

    def room(self) -> int:
        """Return how many more workflows may be started now."""
        if self._hindrance() is not None:
            return 0
        return max(0, int(self._allowed) - self._counted())

    async def wait_for_room(self, seconds: float) -> None:
        """Return when a workflow has ended, or after a time."""
        self._changed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    def _counted(self) -> int:
        # They stand in the order in which they began.
        now = asyncio.get_running_loop().time()
        slow = 0
        for event_id, workflow in list(self._open.items()):
            if workflow.since > now - self._patience_seconds:
                break
            slow += 1
            if workflow.since < now - _FORGOTTEN_AFTER_SECONDS:
                # Another process may have taken it over; forgetting costs its row a look-up at most.
                self.withdraw(event_id, workflow.token)
                slow -= 1
        return len(self._open) - slow

    def _remove(self, event_id: str, token: str | None) -> _Open[M] | None:
        found = self._open.get(event_id)
        if found is None or found.token != token:
            return None
        del self._open[event_id]
        self._changed.set()
        self._report()
        return found

    def _learn(self, since: float) -> None:
        now = asyncio.get_running_loop().time()
        if now - since <= self._goal_seconds:
            self._allowed = min(self._limit, self._allowed + _GAIN)
        elif since > self._halved_at:
            self._allowed = max(min(_FEWEST, self._limit), self._allowed * _SHRUNK_TO)
            self._halved_at = now
        self._report()

    def _report(self) -> None:
        metrics.OPEN_WORKFLOWS_ALLOWED.set(int(self._allowed))
        metrics.OPEN_WORKFLOWS.set(len(self._open))
