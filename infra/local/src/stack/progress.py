"""Shows how jobs get on: a live table on a terminal, plain lines elsewhere."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from stack.jobs import State, Task, View

STYLES: Mapping[State, str] = {
    State.WAITING: "dim",
    State.RUNNING: "yellow",
    State.DONE: "green",
    State.FAILED: "bold red",
    State.STOPPED: "red",
}
# A job of minutes should say that it lives, but not fill a CI log.
REMINDER_SECONDS = 60.0


class LiveView(View):
    """One row per job, redrawn in place."""

    def __init__(self, title: str, live: Live) -> None:
        self._title = title
        self._live = live
        self._started = time.monotonic()

    def update(self, tasks: Sequence[Task]) -> None:
        """Redraw the table."""
        self._live.update(self.render(tasks))

    def render(self, tasks: Sequence[Task]) -> Table:
        """Return the table for the present state."""
        done = sum(task.state is State.DONE for task in tasks)
        elapsed = time.monotonic() - self._started
        table = Table(
            title=f"{self._title}: {done}/{len(tasks)}, {elapsed:.0f} s", box=None, title_justify="left", padding=(0, 1)
        )
        table.add_column("job", no_wrap=True)
        table.add_column("state", no_wrap=True)
        table.add_column("time", justify="right", no_wrap=True)
        table.add_column("", style="dim", no_wrap=True, overflow="ellipsis")
        for task in tasks:
            style = STYLES[task.state]
            clock = f"{task.seconds:.0f} s" if task.started else ""
            table.add_row(task.name, f"[{style}]{task.state.value}[/]", clock, escape(task.note))
        return table


class PlainView(View):
    """One line when a job starts and ends, and a reminder each minute."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._seen: dict[str, State] = {}
        self._reminded = time.monotonic()
        self._started = time.monotonic()

    def update(self, tasks: Sequence[Task]) -> None:
        """Print what has changed since the last call."""
        for task in tasks:
            if task.state is not self._seen.get(task.name, State.WAITING):
                self._seen[task.name] = task.state
                took = f" after {task.seconds:.1f} s" if task.finished else ""
                self._print(f"{task.name} {task.state.value}{took}")
        if time.monotonic() - self._reminded >= REMINDER_SECONDS:
            self._reminded = time.monotonic()
            for task in tasks:
                if task.state is State.RUNNING:
                    self._print(f"{task.name} still running ({task.seconds:.0f} s): {task.note}")

    def _print(self, text: str) -> None:
        elapsed = time.monotonic() - self._started
        self._console.print(f"[{elapsed:6.1f} s] {text}", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def view(title: str, console: Console) -> Iterator[View]:
    """Yield the view that suits this output; CI=true asks for plain lines even on a terminal."""
    if console.is_terminal and os.environ.get("CI", "").lower() not in {"1", "true"}:
        with Live(console=console, refresh_per_second=8) as live:
            yield LiveView(title, live)
    else:
        yield PlainView(console)
