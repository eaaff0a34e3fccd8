"""Prints what retry advice recovers, and what it spends, against charging again every day: `make evaluate`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer
from payments_contracts.currencies import EXPONENTS
from rich.console import Console
from rich.table import Table
from simulator.recoveries import failures

from tests.evaluation.retries import Outcome, advised, evaluate, every

if TYPE_CHECKING:
    from collections.abc import Sequence

# A fixed beginning: the same seed is the same run on any day.
_SINCE: Final = datetime(2025, 3, 3, tzinfo=UTC)
_WIDTH: Final = 110


app = typer.Typer(add_completion=False)


@app.command()
def main(
    *,
    seed: Annotated[int, typer.Option(help="Equal seeds print equal figures.")] = 1,
    payments: Annotated[int, typer.Option("--payments", min=1, help="Failed payments.")] = 20_000,
    hours: Annotated[float, typer.Option(min=1, help="The fixed interval.")] = 24,
    attempts: Annotated[
        int, typer.Option(min=1, help="Attempts in all at the fixed interval, the first included.")
    ] = 4,
) -> None:
    """Follow simulated failures by the model's advice and by a fixed interval, and print both."""
    console = Console(width=None if Console().is_terminal else _WIDTH)
    told = list(failures(payments, seed, _SINCE))
    outcomes = evaluate(told, advised), evaluate(told, every(timedelta(hours=hours), attempts))
    names = "advice", f"every {hours:g} h"
    console.print(f"{payments:,} failed payments, seed {seed}; {attempts} attempts in all at the fixed interval\n")
    _show_money(console, names, outcomes)
    _show_attempts(console, names, outcomes)
    _show_reasons(console, names, outcomes)


def _show_money(console: Console, names: Sequence[str], outcomes: Sequence[Outcome]) -> None:
    shared = (f"share, {name}" for name in names)
    table = _table("Recovered money", "currency", "failed", *names, *shared, "ratio")
    for currency, failed in sorted(outcomes[0].failed_money.items()):
        received = [each.recovered_money[currency] for each in outcomes]
        shares = [f"{each / failed:.1%}" for each in received]
        table.add_row(currency, *(_major(each, currency) for each in (failed, *received)), *shares, _ratio(*received))
    console.print(table)


def _show_attempts(console: Console, names: Sequence[str], outcomes: Sequence[Outcome]) -> None:
    table = _table("What it took", "", *names, "ratio")
    recovered, retries = ([sum(counts(each).values()) for each in outcomes] for counts in (_recovered, _retries))
    table.add_row("payments recovered", *(f"{each:,}" for each in recovered), _ratio(*recovered))
    table.add_row("attempts spent", *(f"{each:,}" for each in retries), _ratio(*retries))
    each_took = [spent / found if found else 0.0 for spent, found in zip(retries, recovered, strict=True)]
    table.add_row("attempts for each recovered", *(f"{each:.2f}" for each in each_took), _ratio(*each_took))
    forbidden = [each.forbidden for each in outcomes]
    table.add_row("attempts that networks forbid", *(f"{each:,}" for each in forbidden), _ratio(*forbidden))
    hours = [each.median_hours or 0.0 for each in outcomes]
    table.add_row("hours to the money, median", *(f"{each:.0f}" for each in hours), _ratio(*hours))
    console.print(table)


def _show_reasons(console: Console, names: Sequence[str], outcomes: Sequence[Outcome]) -> None:
    heads = [f"{what}, {name}" for what in ("paid", "tries") for name in names]
    table = _table("By reason", "reason", "failed", *heads)
    for reason, failed in outcomes[0].failed.most_common():
        found = [f"{each.recovered[reason] / failed:.1%}" for each in outcomes]
        table.add_row(reason, f"{failed:,}", *found, *(f"{each.retries[reason]:,}" for each in outcomes))
    console.print(table)


def _recovered(outcome: Outcome) -> dict[str, int]:
    return outcome.recovered


def _retries(outcome: Outcome) -> dict[str, int]:
    return outcome.retries


def _table(title: str, first: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _major(minor: int, currency: str) -> str:
    exponent = EXPONENTS[currency]
    return f"{minor / 10**exponent:,.{exponent}f}"


def _ratio(one: float, other: float) -> str:
    return f"{one / other:.2f}" if other else ""


if __name__ == "__main__":
    app()
