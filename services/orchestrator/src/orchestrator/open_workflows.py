"""The workflows that this process has started and whose rows it has not committed yet."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from orchestrator import metrics

M = TypeVar("M")


_FORGOTTEN_AFTER_SECONDS = 600.0


@dataclass(slots=True)
class _Open(Generic[M]):
    token: str
    mark: M | None
    waits_for_commit: bool = False
    since: float = field(default_factory=lambda: asyncio.get_running_loop().time())


class OpenWorkflows(Generic[M]):
    """Bounds how many workflows are open at once, and vouches for rows that nobody can have written yet.

    A thousand open workflows of one process make each other wait beyond Temporal's time limits, and then do their work
    again; a hundred keep both cores busy. Those that wait for a commit take no processor: the others are bounded by
    themselves, so that they are within the limits where there is a tenth of the processor, too. A workflow that takes
    longer than `patience_seconds` waits for something that others need not wait for: it is not counted any more, and
    forgotten after a while.

    Each start has a token, which its workflow knows: what this process says of a start must not be taken for another
    start of the same event, whose workflow may have written its row elsewhere.

    Args:
        limit: Workflows that may be open.
        mark: Returns the state in which the table is now.
        before_commit: How many of them may have a row that the committer does not have yet; None: all.
        hindrance: Says why no workflow should be started at present, as while the lake is away; None if it may.
        patience_seconds: See above.
    """

    def __init__(
        self,
        limit: int,
        *,
        mark: Callable[[], M],
        before_commit: int | None = None,
        hindrance: Callable[[], str | None] = lambda: None,
        patience_seconds: float = 10.0,
    ) -> None:
        self._limit = limit
        self._before_commit = limit if before_commit is None else before_commit
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
        found.waits_for_commit = True
        self._changed.set()
        return mark

    def end(self, event_id: str, token: str | None) -> None:
        """Count the workflow of a start no longer."""
        found = self._open.get(event_id)
        if found is not None and found.token == token:
            del self._open[event_id]
            self._changed.set()
            self._report()

    def room(self) -> int:
        """Return how many more workflows may be started now."""
        if self._hindrance() is not None:
            return 0
        counted = self._counted()
        at_work = sum(not each.waits_for_commit for each in counted)
        return max(0, min(self._limit - len(counted), self._before_commit - at_work))

    async def wait_for_room(self, seconds: float) -> None:
        """Return when there may be more room, or after a time."""
        self._changed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    def _counted(self) -> list[_Open[M]]:
        now = asyncio.get_running_loop().time()
        for event_id, workflow in list(self._open.items()):
            # They stand in the order in which they began.
            if workflow.since >= now - _FORGOTTEN_AFTER_SECONDS:
                break
            # Another process may have taken it over; forgetting costs its row a look-up at most.
            self.end(event_id, workflow.token)
        return [each for each in self._open.values() if each.since > now - self._patience_seconds]

    def _report(self) -> None:
        metrics.OPEN_WORKFLOWS.set(len(self._open))
