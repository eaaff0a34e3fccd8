"""Shows a run's progress and its outcome."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import quantiles
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from simulator.delivery import Answer
from simulator.mix import Kind
from simulator.webhooks import Webhook

_SECONDS_BETWEEN_LINES = 2.0
_MOST_CONTRADICTIONS_SHOWN = 10


class Report:
    """Collects the answers of one run and shows them: a bar on a terminal, else a line every two seconds."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._total = total
        self._statuses: defaultdict[Kind, Counter[int]] = defaultdict(Counter)
        self._seconds: list[float] = []
        self._contradictions: list[str] = []
        self._again = 0
        self._began = self._said_at = monotonic()
        self._bar: Progress | None = None

    @contextmanager
    def live(self) -> Iterator[None]:
        """Show progress for as long as the context lasts."""
        self._began = self._said_at = monotonic()
        if not self._console.is_terminal:
            yield
            return
        columns = (TextColumn("sending"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console) as self._bar:
            self._bar.add_task("sending", total=self._total)
            yield

    def note(self, webhook: Webhook, answer: Answer) -> None:
        """Take in the answer to one webhook."""
        self._statuses[webhook.kind][answer.status] += 1
        self._seconds.append(answer.seconds)
        self._again += answer.tries - 1
        if (contradiction := answer.contradiction(webhook)) is not None:
            self._contradictions.append(f"#{webhook.n} {webhook.kind} ({webhook.example}): {contradiction}")
        if self._bar is not None:
            self._bar.advance(self._bar.task_ids[0])
        elif monotonic() - self._said_at >= _SECONDS_BETWEEN_LINES:
            self._said_at = monotonic()
            self._console.print(f"sent {len(self._seconds)} of {self._total}")

    def show(self, run: str) -> bool:
        """Print the outcome; return whether every webhook was sent and answered as it had to be."""
        sent = len(self._seconds)
        took = monotonic() - self._began
        table = Table(title=f"Run {run}", title_justify="left")
        table.add_column("kind")
        table.add_column("sent", justify="right")
        table.add_column("answers")
        for kind in Kind:
            if statuses := self._statuses.get(kind):
                answers = ", ".join(f"{count} with {status or 'none'}" for status, count in sorted(statuses.items()))
                table.add_row(kind, str(statuses.total()), answers)
        table.add_section()
        table.add_row("total", str(sent), f"{sent / took:.1f} per second")
        self._console.print(table)
        if sent > 1:
            centiles = quantiles(self._seconds, n=100, method="inclusive")
            median, p99 = centiles[49] * 1000, centiles[98] * 1000
            self._console.print(f"Answer time: median {median:.1f} ms, p99 {p99:.1f} ms; sent again: {self._again}.")
        for contradiction in self._contradictions[:_MOST_CONTRADICTIONS_SHOWN]:
            self._console.print(f"[red]unexpected[/red] {contradiction}", soft_wrap=True)
        if hidden := len(self._contradictions[_MOST_CONTRADICTIONS_SHOWN:]):
            self._console.print(f"… and {hidden} more")
        if sent < self._total:
            self._console.print(f"[red]stopped[/red] after {sent} of {self._total} webhooks.")
        return not self._contradictions and sent == self._total
