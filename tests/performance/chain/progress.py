"""How far the bench is: on a terminal bars, elsewhere a line now and then."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bars

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from rich.console import Console

_SECONDS_BETWEEN_LINES = 15.0


class Progress:
    """Shows one phase at a time; what is printed on the console meanwhile stands above it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn())
        self._bars = Bars(*columns, console=console, transient=True, refresh_per_second=2)
        self._name = ""
        self._seconds = 0.0
        self._totals: Mapping[str, int] = {}
        self._told_at = 0.0

    def phase(self, name: str, seconds: float, totals: Mapping[str, int]) -> None:
        """Begin a phase of so many seconds; `totals` says how many events are to reach each hop."""
        for task in self._bars.task_ids:
            self._bars.remove_task(task)
        self._name, self._seconds, self._totals = name, seconds, totals
        self._time = self._bars.add_task(name, total=round(seconds))
        self._tasks = {hop: self._bars.add_task(f"  {hop}", total=total) for hop, total in totals.items()}
        self._told_at = time.monotonic()
        self._tell(f"{name}: {seconds:.0f} s")

    def passed(self, seconds: float) -> None:
        """Tell how much of the phase's time is over; the rest is waited for without end in sight."""
        left = self._seconds - seconds
        what = f"{self._name}, {left:.0f} s left" if left > 0 else f"{self._name}, waiting for the last"
        self._bars.update(self._time, completed=min(round(seconds), round(self._seconds)), description=what)
        if not self._totals:
            self._tell_sometimes(what)

    def reached(self, numbers: Mapping[str, int]) -> None:
        """Tell how many events have reached each hop."""
        for hop, number in numbers.items():
            self._bars.update(self._tasks[hop], completed=number)
        self._tell_sometimes(f"{self._name}: " + ", ".join(f"{hop} {number}" for hop, number in numbers.items()))

    def _tell_sometimes(self, text: str) -> None:
        if time.monotonic() - self._told_at > _SECONDS_BETWEEN_LINES:
            self._told_at = time.monotonic()
            self._tell(text)

    def _tell(self, text: str) -> None:
        if not self._console.is_terminal:
            self._console.print(text, highlight=False)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
