"""The workflows that this process has started and whose rows it has not committed yet."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from orchestrator import metrics

M = TypeVar("M")


@dataclass(slots=True)
class _Open(Generic[M]):
    mark: M | None
    since: float = field(default_factory=lambda: asyncio.get_running_loop().time())


class OpenWorkflows(Generic[M]):
    """Bounds how many workflows are open at once, and vouches for rows that nobody can have written yet.

    A thousand open workflows of one process make each other wait beyond Temporal's time limits, and then do their work
    again; a hundred keep both cores busy. A workflow that takes longer than `patience_seconds` waits for something that
    others need not wait for: it is not counted any more.

    Args:
        limit: Workflows that may be open.
        mark: Returns the state in which the table is now.
        hindrance: Says why no workflow should be started at present, as while the lake is away; None if it may.
        patience_seconds: See above.
    """

    def __init__(
        self,
        limit: int,
        *,
        mark: Callable[[], M],
        hindrance: Callable[[], str | None] = lambda: None,
        patience_seconds: float = 10.0,
    ) -> None:
        self._limit = limit
        self._mark = mark
        self._hindrance = hindrance
        self._patience_seconds = patience_seconds
        self._open: dict[str, _Open[M]] = {}
        self._changed = asyncio.Event()

    def begin(self, event_id: str) -> bool:
        """Count a workflow that is about to be started; False if it is open here already."""
        if event_id in self._open:
            return False
        self._open[event_id] = _Open(self._mark())
        self._report()
        return True

    def take_mark(self, event_id: str) -> M | None:
        """Return, once, the table's state before the workflow began; None if its row may have been written since."""
        found = self._open.get(event_id)
        if found is None:
            return None
        mark, found.mark = found.mark, None
        return mark

    def end(self, event_id: str) -> None:
        """Count a workflow no longer."""
        if self._open.pop(event_id, None) is not None:
            self._changed.set()
            self._report()

    def room(self) -> int:
        """Return how many more workflows may be started now."""
        if self._hindrance() is not None:
            return 0
        return max(0, self._limit - self._counted())

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
        before = asyncio.get_running_loop().time() - self._patience_seconds
        slow = 0
        for workflow in self._open.values():
            if workflow.since > before:
                break
            slow += 1
        return len(self._open) - slow

    def _report(self) -> None:
        metrics.OPEN_WORKFLOWS.set(len(self._open))
