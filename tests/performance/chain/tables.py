"""What the benches of the whole stack print alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from tests.performance.chain.scheduled import told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console


def table(title: str, *columns: str) -> Table:
    """Return a table without lines whose columns but the first hold numbers."""
    made = Table(title=title, title_justify="left", box=None, padding=(0, 1), title_style="bold")
    for number, column in enumerate(columns):
        made.add_column(column, justify="right" if number else "left", overflow="fold")
    return made


def conditions(result: Mapping[str, Any]) -> str:
    """Say how busy the machine was, and with what of Dagster's."""
    own = ", ".join(f"{name} {value:.3f}" for name, value in result["own_cores"].items())
    machine = (
        f"machine: load {result['load_average']:.1f}, {result['busy']:.0%} of all cores busy, "
        f"steal {result['steal']:.1%}; the bench itself, not counted above, in cores: {own}"
    )
    return "\n".join(filter(None, (machine, told(result["dagster_runs"]))))


def show_idle(console: Console, result: Mapping[str, Any]) -> None:
    """Print what the stack costs without events."""
    made = table(f"Idle for {result['seconds']:.0f} s", "service", "cores", "MiB")
    for name, value in sorted(result["cores"].items(), key=lambda item: -item[1]):
        memory = result["memory_mib"].get(name)
        made.add_row(name, f"{value:.3f}", "" if memory is None else f"{memory:,.0f}")
    made.add_row("all", f"{result['cores_used']:.3f}", f"{sum(result['memory_mib'].values()):,.0f}")
    console.print(made)
    console.print(conditions(result), highlight=False)
