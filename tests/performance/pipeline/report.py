"""Prints what the pipeline's bench found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.performance.chain.figures import ratios
from tests.performance.chain.tables import conditions, table
from tests.performance.pipeline.phases import HOPS
from tests.performance.pipeline.targets import judge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from tests.performance.pipeline.phases import Phase

_SHOWN_IDS = 10
_LEAST_SHOWN = 0.005
# What a later run is held against, besides the latencies.
_COSTS = (".cpu_ms_per_event.", "idle.cores.")
_LEAST_COMPARED = {"idle.": 0.01, "rates": 0.5, "burst": 0.5}
_COMPARED = ("cores_used", "cpu_ms_per_event.all", "drained_per_second", "refused.all", "seconds_to_last_row")


def show_phase(console: Console, title: str, phase: Phase) -> None:
    """Print what came out of a load."""
    result = phase.result
    made = table(f"{title}: {result['accepted']} of {result['events']} accepted", "ms", "p50", "p95", "p99", "max")
    for hop in HOPS:
        times = result["latency_ms"][hop]
        made.add_row(hop, *(f"{times[share]:,.0f}" for share in ("p50", "p95", "p99", "max") if times))
    console.print(made)
    made = table("Cost, without what idling costs", "service", "CPU ms an event", "cores in all", "MiB", "grown")
    for name, value in sorted(result["cpu_ms_per_event"].items(), key=lambda item: -item[1]):
        if name != "all" and (abs(value) > _LEAST_SHOWN or name in result["memory_mib"]):
            memory = [result[key].get(name) for key in ("memory_mib", "memory_growth_mib")]
            cells = ["" if each is None else f"{each:,.0f}" for each in memory]
            made.add_row(name, f"{value:.2f}", f"{result['cores'][name]:.3f}", *cells)
    sums = [f"{sum(result[key].values()):,.0f}" for key in ("memory_mib", "memory_growth_mib")]
    made.add_row("all", f"{result['cpu_ms_per_event']['all']:.2f}", f"{result['cores_used']:.3f}", *sums)
    console.print(made)
    refused = {status: number for status, number in result["refused"].items() if status != "all"}
    console.print(
        f"refused: {refused or 'none'}; last row {result['seconds_to_last_row']:.1f} s after the first webhook, "
        f"{result['drained_per_second']:.1f} a second; the sender was at most {result['sender_late_ms']:.0f} ms late",
        highlight=False,
    )
    console.print(conditions(result), highlight=False)
    for name, number in result["restarts"].items():
        if number:
            console.print(f"[bold red]{name} was restarted {number} times: its figures lack a part.[/]")
    for hop, number in result["repeated"].items():
        if number:
            console.print(f"[bold red]{number} events are in {hop} more than once.[/]")
    for hop, events in phase.missing.items():
        if events:
            some = ", ".join(events[:_SHOWN_IDS])
            console.print(f"[bold red]LOST: {len(events)} events are not in {hop}:[/] {some}")


def show_targets(console: Console, results: Mapping[str, Any]) -> None:
    """Print whether each target is met."""
    made = table("Targets", "figure", "", "measured", "limit", "")
    for target, value, is_met in judge(results):
        verdict = "[green]met[/]" if is_met else "[bold red]MISSED[/]"
        limit = f"{target.relation} {target.limit:g} {target.unit}"
        made.add_row(target.name, target.source, f"{value:,.2f}", limit, verdict)
    console.print(made)


def show_comparison(console: Console, results: Mapping[str, Any], earlier: Mapping[str, Any], name: str) -> None:
    """Print the ratios to an earlier run."""
    made = table(f"Against {name}", "figure", "before", "now", "ratio")
    for path, (before, now, ratio) in ratios(results, earlier).items():
        # What costs next to nothing has no ratio worth a line.
        is_cost = any(part in path for part in _COSTS) and max(abs(before), abs(now)) > _LEAST_COMPARED[path[:5]]
        if ".latency_ms." in path or path.endswith(_COMPARED) or is_cost:
            made.add_row(path, f"{before:,.3f}", f"{now:,.3f}", f"{ratio:.2f}" if min(before, now) > 0 else "")
    console.print(made)
