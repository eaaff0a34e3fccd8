"""The two loads that the orchestrator's bench compares: workflows that do nothing, and those of events."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tests.performance.chain.arrival import await_rows
from tests.performance.chain.figures import milliseconds_per_event
from tests.performance.orchestrator.events import Publication
from tests.performance.orchestrator.noop import Outcome, Task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.performance.chain.progress import Progress
    from tests.performance.chain.rest import Idle
    from tests.performance.chain.watch import Span, Watch

HOP = ("orchestrator", "temporal", "postgres", "object-store", "catalog")
"""What the names of the hop's services begin with."""
NOT_OF_IT = "temporal-ui"
NOOP = "no-op worker"
_STEP_SECONDS = 0.5
_PATIENCE_SECONDS = 120.0
# After the last row, the workflows of the last events have a step to go.
_TAIL_SECONDS = 3.0


@dataclass(frozen=True)
class Cost:
    """What workflows cost: CPU milliseconds each, by service of the hop; how many were done a second."""

    result: Mapping[str, Any]
    missing: Sequence[str]


def do_nothing(
    watch: Watch, stack: Mapping[str, str], idle: Idle, load: tuple[int, float, int], progress: Progress
) -> Cost:
    """Run workflows that return at once: how many, at which rate, with how many slots."""
    count, rate, slots = load
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.performance.orchestrator.noop"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        task = Task(stack["TEMPORAL_ADDRESS"], stack["TEMPORAL_NAMESPACE"], count, rate, slots)
        process.stdin.write(json.dumps(asdict(task)) + "\n")
        process.stdin.flush()
        if not process.stdout.readline():
            raise RuntimeError("The program of the no-op workflow has not become ready.")
        progress.phase(f"no-op workflows, {_words(rate)}", count / rate if rate else 0, {})
        first = watch.look()
        process.stdin.write("\n")
        process.stdin.flush()
        said: list[str] = []
        listener = threading.Thread(target=lambda: said.append(process.stdout.readline() if process.stdout else ""))
        listener.start()
        while listener.is_alive():
            progress.passed(time.time() - first.at)
            listener.join(_STEP_SECONDS)
        last = watch.look()
        if not said[0]:
            raise RuntimeError("The program of the no-op workflow has failed.")
        outcome = Outcome(**json.loads(said[0]))
    finally:
        process.kill()
        process.wait()
    span = watch.between(first, last)
    costs = _costs(span, idle, count) | {NOOP: outcome.cpu_seconds / count * 1000}
    return Cost(_result(span, costs, count, outcome.seconds), ())


def work(watch: Watch, stack: Mapping[str, str], idle: Idle, load: tuple[int, float, str], progress: Progress) -> Cost:
    """Publish normalized events and wait for their rows: how many, at which rate, of which name."""
    count, rate, name = load
    publication = Publication(stack, watch.registry, count, name)
    records, rows = watch.stream.records, watch.lake.new_rows
    hops = ("published", "in the topic", "in Bronze")
    progress.phase(f"events, {_words(rate)}", count / rate if rate else 0, dict.fromkeys(hops, count))
    first = watch.look()

    def tell() -> tuple[int, int]:
        reached = watch.stream.records - records, watch.lake.new_rows - rows
        progress.passed(time.time() - first.at)
        progress.reached(dict(zip(hops, (publication.sent, *reached), strict=True)))
        return reached

    publisher = threading.Thread(target=publication.publish, args=(rate,), daemon=True)
    publisher.start()
    try:
        while publisher.is_alive():
            tell()
            publisher.join(_STEP_SECONDS)
        _, visible = await_rows(watch, publication.event_ids, _PATIENCE_SECONDS, tell)
        time.sleep(_TAIL_SECONDS)
        last = watch.look()
    finally:
        publication.stop()
        publisher.join()
    found = [event for event in publication.event_ids if event in visible]
    seconds = max((visible[event] for event in found), default=last.at) - first.at
    span = watch.between(first, last)
    absent = [event for event in publication.event_ids if event not in visible]
    return Cost(_result(span, _costs(span, idle, count), len(found), seconds), absent)


def _costs(span: Span, idle: Idle, count: int) -> dict[str, float]:
    costs = milliseconds_per_event(span.usage, idle.cores, span.seconds, count)
    return {name: cost for name, cost in costs.items() if name.startswith(HOP) and name != NOT_OF_IT}


def _result(span: Span, costs: Mapping[str, float], done: int, seconds: float) -> dict[str, Any]:
    return {
        "done": done,
        "seconds": seconds,
        "per_second": done / seconds,
        "cpu_ms": {"all": sum(costs.values()), **costs},
        **span.conditions(),
    }


def _words(rate: float) -> str:
    return f"{rate:g} a second" if rate else "at full speed"
