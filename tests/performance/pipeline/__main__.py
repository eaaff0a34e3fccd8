"""Measures the whole chain at set rates, hop by hop and service by service: `make bench BENCH=pipeline`."""

from __future__ import annotations

import json
import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from tests.performance.chain.progress import Progress
from tests.performance.chain.rest import rest, settle_down
from tests.performance.chain.tables import show_idle
from tests.performance.chain.watch import Watch
from tests.performance.pipeline import phases, report
from tests.performance.pipeline.targets import judge

_SECONDS_BETWEEN_PHASES = 5.0
_CONNECTIONS = 16


def bench(
    *,
    rate: Annotated[list[float] | None, typer.Option(min=0.1, help="Webhooks a second; may be repeated.")] = None,
    seconds: Annotated[float, typer.Option(min=1, help="How long each rate is held.")] = 300,
    burst: Annotated[int, typer.Option(min=0, help="Webhooks of the burst; 0 for none.")] = 2000,
    burst_rate: Annotated[float, typer.Option(min=1, help="Webhooks a second in the burst.")] = 100,
    idle: Annotated[float, typer.Option(min=1, help="Seconds to measure before anything is sent.")] = 60,
    settle: Annotated[float, typer.Option(min=0, help="Seconds that every service is to run before.")] = 180,
    provider: Annotated[
        list[str] | None, typer.Option(help="Whose webhooks; may be repeated, they take turns.")
    ] = None,
    patience: Annotated[float, typer.Option(min=1, help="Seconds without an arrival to give up after.")] = 120,
    output: Annotated[Path | None, typer.Option(help="Where the results go, as JSON.")] = None,
    against: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Earlier results.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail where a target is missed, too.")] = False,
) -> None:
    """Print what each hop takes and what each service costs an event; fail if an event is lost."""
    console = Console(width=None if Console().is_terminal else 120)
    began = datetime.now(UTC)
    tag = f"{began:%y%m%d%H%M%S}"
    rates = rate or [10.0, 25.0]
    file = output or Path(os.environ["PAYMENTS_STATE_DIR"]) / "benches" / f"pipeline-{tag}.json"
    earlier = json.loads(against.read_text()) if against else None
    results: dict[str, Any] = {
        "taken_at": began.isoformat(timespec="seconds"),
        "settings": {"rates": rates, "seconds": seconds, "burst": burst, "burst_rate": burst_rate, "idle": idle},
        "cores": os.cpu_count(),
        "rates": {},
    }
    lost = False
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as directory, Progress(console) as progress:
            watch = Watch(dict(os.environ))
            try:
                settle_down(watch, settle, progress)
                settings = phases.Settings(os.environ, provider or ["stripe"], _CONNECTIONS, patience, Path(directory))
                resting = rest(watch, idle, progress)
                results["idle"] = resting.result
                show_idle(console, resting.result)
                for each in rates:
                    count, name = max(1, round(each * seconds)), f"bench-{tag}-{each:g}".replace(".", "-")
                    phase = phases.carry(watch, settings, resting, phases.Load(name, each, count), progress)
                    results["rates"][f"{each:g}"] = phase.result
                    report.show_phase(console, f"{each:g} a second for {seconds:g} s", phase)
                    # A rate that is refused in part is not that rate.
                    lost |= any(phase.missing.values()) or phase.result["refused"]["all"] > 0
                    time.sleep(_SECONDS_BETWEEN_PHASES)
                if burst:
                    load = phases.Load(f"bench-{tag}-burst", burst_rate, burst)
                    phase = phases.carry(watch, settings, resting, load, progress)
                    results["burst"] = phase.result
                    report.show_phase(console, f"Burst of {burst} at {burst_rate:g} a second", phase)
                    lost |= any(phase.missing.values())
                results["troubles"] = watch.troubles()
            finally:
                watch.close()
    except KeyboardInterrupt:
        console.print("Interrupted: nothing more is sent.")
        raise typer.Exit(130) from None
    finally:
        if results["rates"] or "idle" in results:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(results, indent=1) + "\n")
            console.print(f"results: {file}", highlight=False, soft_wrap=True)
    report.show_targets(console, results)
    if earlier is not None:
        report.show_comparison(console, results, earlier, str(against))
    if lost:
        console.print("[bold red]Not every webhook was accepted and found at every hop: the figures mean nothing.[/]")
    if lost or (strict and not all(is_met for _, _, is_met in judge(results))):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(bench)
