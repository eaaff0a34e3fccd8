"""Measures an event's workflow beside one that does nothing, on the same server: `make bench BENCH=orchestrator`."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from tests.performance.chain.progress import Progress
from tests.performance.chain.rest import rest, settle_down
from tests.performance.chain.scheduled import told
from tests.performance.chain.tables import show_idle, table
from tests.performance.chain.watch import Watch
from tests.performance.orchestrator.phases import do_nothing, work

if TYPE_CHECKING:
    from collections.abc import Mapping

# Of a no-op workflow's: cost at a rate, which may at most be so, and throughput at full speed, which has to be so.
AIM_OF_COST, FLOOR_OF_COST, AIM_OF_SPEED = 2.0, 2.5, 0.6


def bench(
    *,
    rate: Annotated[float, typer.Option(min=0.1, help="Events a second.")] = 10,
    seconds: Annotated[float, typer.Option(min=1, help="How long the rate is held.")] = 120,
    burst: Annotated[int, typer.Option(min=0, help="Events published at once; 0 for none.")] = 2000,
    slots: Annotated[int, typer.Option(min=2, help="Workflow tasks at once, of the no-op's worker.")] = 100,
    idle: Annotated[float, typer.Option(min=1, help="Seconds to measure before.")] = 60,
    settle: Annotated[float, typer.Option(min=0, help="Seconds that every service is to run before.")] = 180,
    output: Annotated[Path | None, typer.Option(help="Where the results go, as JSON.")] = None,
) -> None:
    """Print what a workflow costs the orchestrator and what it stands on; fail only if an event is lost."""
    console = Console(width=None if Console().is_terminal else 120)
    began = datetime.now(UTC)
    tag = f"{began:%y%m%d%H%M%S}"
    file = output or Path(os.environ["PAYMENTS_STATE_DIR"]) / "benches" / f"orchestrator-{tag}.json"
    results: dict[str, Any] = {
        "taken_at": began.isoformat(timespec="seconds"),
        "settings": {"rate": rate, "seconds": seconds, "burst": burst, "slots": slots, "idle": idle},
    }
    lost: list[str] = []
    try:
        with Progress(console) as progress:
            watch = Watch(dict(os.environ))
            try:
                settle_down(watch, settle, progress)
                resting = rest(watch, idle, progress)
                results["idle"] = resting.result
                show_idle(console, resting.result)
                loads = {f"at {rate:g} a second": (max(1, round(rate * seconds)), rate)}
                if burst:
                    loads["at full speed"] = (burst, 0.0)
                for number, (title, (count, speed)) in enumerate(loads.items()):
                    nothing = do_nothing(watch, os.environ, resting, (count, speed, slots), progress)
                    name = f"bench-{tag}-{number}"
                    event = work(watch, os.environ, resting, (count, speed, name), progress)
                    results[title] = {"no-op": nothing.result, "event": event.result}
                    lost += event.missing
                    _show(console, title, results[title], speed)
            finally:
                watch.close()
    except KeyboardInterrupt:
        console.print("Interrupted: nothing more is published.")
        raise typer.Exit(130) from None
    finally:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(results, indent=1) + "\n")
        console.print(f"results: {file}", highlight=False, soft_wrap=True)
    if lost:
        console.print(f"[bold red]LOST: {len(lost)} events are not in Bronze:[/] {', '.join(lost[:10])}")
        raise typer.Exit(1)


def _show(console: Console, title: str, result: Mapping[str, Any], rate: float) -> None:
    nothing, event = result["no-op"], result["event"]
    made = table(f"A workflow {title}, CPU ms", "service", "no-op", "event", "ratio")
    names = sorted(nothing["cpu_ms"].keys() | event["cpu_ms"].keys(), key=lambda name: (name == "all", name))
    for name in names:
        costs = [each["cpu_ms"].get(name) for each in (nothing, event)]
        cells = ["" if cost is None else f"{cost:.2f}" for cost in costs]
        made.add_row(name, *cells, f"{costs[1] / costs[0]:.2f}" if name == "all" else "")
    console.print(made)
    for name, each in (("no-op", nothing), ("event", event)):
        console.print(
            f"{name}: {each['done']} in {each['seconds']:.1f} s, {each['per_second']:.1f} a second; machine: load "
            f"{each['load_average']:.1f}, {each['busy']:.0%} of all cores busy, steal {each['steal']:.1%}",
            highlight=False,
        )
        if each["dagster_runs"]:
            console.print(told(each["dagster_runs"]), highlight=False)
    if rate:
        ratio = event["cpu_ms"]["all"] / nothing["cpu_ms"]["all"]
        verdict = "met" if ratio <= AIM_OF_COST else "above the aim" if ratio <= FLOOR_OF_COST else "MISSED"
        wanted = f"aim <= {AIM_OF_COST:g}, floor {FLOOR_OF_COST:g}"
    else:
        ratio = event["per_second"] / nothing["per_second"]
        verdict = "met" if ratio >= AIM_OF_SPEED else "MISSED"
        wanted = f"aim >= {AIM_OF_SPEED:g}"
    what = "cost" if rate else "speed"
    console.print(f"{what}: {ratio:.2f} of a no-op workflow's ({wanted}): {verdict}", highlight=False)


if __name__ == "__main__":
    typer.run(bench)
