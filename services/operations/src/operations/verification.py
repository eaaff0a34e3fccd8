"""Follows a run from its ledger to Gold and balances every hop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from operations.census import Census
from operations.ledger import Entry, is_accepted
from operations.patience import wait_for
from operations.reconciliation import Arrivals, Hop, reconcile
from operations.warehouse import DailyMetric


@dataclass(frozen=True)
class Verdict:
    """The balance of a run, and Gold's metrics of its merchants."""

    hops: tuple[Hop, ...]
    arrivals: Arrivals
    metrics: tuple[DailyMetric, ...]


def verify_run(
    entries: Sequence[Entry],
    census: Census,
    refresh: Callable[[], None] | None,
    patience_seconds: float,
    console: Console,
) -> Verdict:
    """Wait for a run to arrive hop by hop, refresh Silver and Gold, and balance what was found.

    A hop that stands still for `patience_seconds` is given up, with all that follow it; the balance then says
    what it lacks. `refresh` rebuilds Silver and Gold; None leaves them as they
    are.
    """
    # An event may have been sent twice, and is one.
    accepted = len({entry.event_id for entry in entries if is_accepted(entry)})
    rejected = len({entry.event_id for entry in entries if entry.kind == "rejected"})
    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:

        def follow(description: str, count: Callable[[], int], expected: int, interval_seconds: float = 0.5) -> bool:
            task = progress.add_task(description, total=expected)
            arrived = wait_for(
                count,
                expected,
                patience_seconds,
                lambda found: progress.update(task, completed=found),
                interval_seconds=interval_seconds,
            )
            if not console.is_terminal:
                console.print(f"{description}: {'all ' if arrived else 'not all '}{expected}")
            return arrived

        complete = (
            follow("normalizer: normalized", lambda: len(census.stream()["normalized"]), accepted)
            and follow("normalizer: quarantined", lambda: len(census.stream()["validation_dlq"]), rejected)
            # A query costs Trino half a second of a core, which the orchestrator lacks meanwhile.
            and follow("orchestrator: in Bronze", lambda: len(census.bronze()), accepted, interval_seconds=2)
            and (
                census.database() is None
                or follow("orchestrator: in Postgres", lambda: len(census.database() or ()), accepted)
            )
        )
    if refresh is not None and complete:
        with console.status("Dagster builds Silver and Gold with dbt on Trino"):
            refresh()
    arrivals = census.arrivals()
    return Verdict(reconcile(entries, arrivals), arrivals, tuple(census.metrics()))
