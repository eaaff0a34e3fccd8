"""Prints what the audit costs an event: `make bench BENCH=audit`.

Webhooks go through the running stack, in steps; after each Silver is built, and the step's window is audited. The
baseline is the audit of a window without events, two hours ago, just before: what has come since must not show. CPU
time is the command's own and that of the servers beyond what they use idle.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from tests.integration.orchestration import wait_for
from tests.performance.chain.progress import Progress
from tests.performance.chain.rest import rest, settle_down
from tests.performance.chain.tables import table
from tests.performance.chain.watch import Watch
from tests.performance.pipeline import phases

if TYPE_CHECKING:
    from collections.abc import Mapping

_PAYMENTS = str(Path(sys.executable).with_name("payments"))
_CONNECTIONS = 16
_PATIENCE_SECONDS = 120
_DIFFERENCES = 1
_PLACES = ("raw", "normalized", "bronze", "database")
# What is told of how long these take.
_LOOK_SECONDS, _SILVER_SECONDS = 5, 60


@dataclass(frozen=True)
class Window:
    """A time, and how many webhooks were acknowledged in it."""

    since: datetime
    until: datetime
    events: int


@dataclass(frozen=True)
class Cost:
    """What a look took: seconds, and CPU seconds of the command and of all servers."""

    seconds: float
    command: float
    servers: float

    @property
    def cpu(self) -> float:
        return self.command + self.servers


class Auditing:
    """Looks at windows of the running stack.

    Args:
        watch: What the servers use.
        idle: Fraction of a core that each service uses without events.
        rounds: How often a window is looked at; the median counts.
    """

    def __init__(self, watch: Watch, idle: Mapping[str, float], rounds: int) -> None:
        self._watch, self._idle, self._rounds = watch, sum(idle.values()), rounds

    def cost(self, window: Window) -> Cost:
        """Return what it takes to audit a window; RuntimeError where the audit does not find its events."""
        # The audit compares what the readers of a topic have passed, which they tell some seconds later.
        wait_for("the audit to see all events of a window", lambda: self._look(window)[1], _PATIENCE_SECONDS)
        looks = [self._look(window) for _ in range(self._rounds)]
        if not all(is_complete for _, is_complete in looks):
            raise RuntimeError(f"the audit lost sight of events from {window.since} to {window.until}")
        return sorted((cost for cost, _ in looks), key=lambda each: each.cpu)[len(looks) // 2]

    def _look(self, window: Window) -> tuple[Cost, bool]:
        """Audit a window; return what it took, and whether all of its events were found at each place."""
        first, used, began = self._watch.look(), _of_children(), time.monotonic()
        times = [f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (window.since, window.until)]
        done = subprocess.run(
            [_PAYMENTS, "audit", "--since", times[0], "--until", times[1], "--json"],
            capture_output=True,
            text=True,
            check=False,
        )
        seconds, command = time.monotonic() - began, _of_children() - used
        if done.returncode not in {0, _DIFFERENCES}:
            raise RuntimeError(f"the audit ended with {done.returncode}: {done.stderr}")
        span = self._watch.between(first, self._watch.look())
        counts: dict[str, int] = Counter()
        for run in json.loads(done.stdout)["runs"]:
            counts.update(run["counts"])
        is_complete = all(counts[place] == window.events for place in _PLACES)
        return Cost(seconds, command, sum(span.usage.values()) - self._idle * span.seconds), is_complete


def bench(
    *,
    events: Annotated[int, typer.Option(min=1, help="Webhooks of a step.")] = 2_000,
    steps: Annotated[int, typer.Option(min=2, help="How many steps.")] = 3,
    rate: Annotated[float, typer.Option(min=0.1, help="Webhooks a second.")] = 25,
    rounds: Annotated[int, typer.Option(min=1, help="Looks at each window; the median is told.")] = 3,
    idle: Annotated[float, typer.Option(min=1, help="Seconds to measure before anything is sent.")] = 30,
    settle: Annotated[float, typer.Option(min=0, help="Seconds that every service is to run before.")] = 180,
) -> None:
    """Print what an audit takes by window, and what that is for an event."""
    console = Console(width=None if Console().is_terminal else 120, highlight=False)
    shown = table("Audits", "window", "its events", "events sent", "seconds", "CPU s command", "CPU s servers", "load")
    tag = f"{datetime.now(UTC):%y%m%d%H%M%S}"
    with tempfile.TemporaryDirectory(prefix="bench-") as directory, Progress(console) as progress:
        watch = Watch(dict(os.environ))
        try:
            settle_down(watch, settle, progress)
            settings = phases.Settings(os.environ, ["stripe"], _CONNECTIONS, _PATIENCE_SECONDS, Path(directory))
            resting = rest(watch, idle, progress)
            auditing = Auditing(watch, resting.cores, rounds)
            pairs: list[tuple[Cost, Cost]] = []
            sent = 0

            def look(name: str, window: Window) -> Cost:
                progress.phase(f"audit of {name}", _LOOK_SECONDS * (rounds + 1), {})
                cost = auditing.cost(window)
                figures = (f"{cost.seconds:.1f}", f"{cost.command:.2f}", f"{cost.servers:.2f}")
                shown.add_row(name, f"{window.events:,}", f"{sent:,}", *figures, f"{os.getloadavg()[0]:.1f}")
                return cost

            until = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
            empty = Window(until - timedelta(seconds=30), until, 0)
            for step in range(steps):
                since = _next_second()
                load = phases.Load(f"audit-{tag}-{step}", rate, events)
                phase = phases.carry(watch, settings, resting, load, progress)
                if any(phase.missing.values()):
                    raise RuntimeError(f"events were lost on their way: {phase.missing}")
                window = Window(since, _next_second(), int(phase.result["accepted"]))
                sent += window.events
                progress.phase("Silver", _SILVER_SECONDS, {})
                subprocess.run([_PAYMENTS, "build", "silver"], check=True, stdout=subprocess.DEVNULL)
                pairs.append((look("no events", empty), look(f"step {step + 1}", window)))
        finally:
            watch.close()
    console.print(shown)
    each = median((of_events.cpu - of_none.cpu) / events for of_none, of_events in pairs)
    ratio = median(of_events.cpu / of_none.cpu for of_none, of_events in pairs)
    nothing = [of_none.cpu for of_none, _ in pairs]
    console.print(
        f"an event costs {1000 * each:.2f} CPU ms; a window of {events:,} takes {ratio:.2f} of one without, which "
        f"takes {median(nothing):.1f} CPU s, and {nothing[-1] / nothing[0]:.2f} of the first time after {sent:,} events"
    )


def _next_second() -> datetime:
    """Wait for the next full second, and return it."""
    time.sleep(1 - time.time() % 1)
    return datetime.now(UTC).replace(microsecond=0)


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    typer.run(bench)
