"""`payments sizing`: what rates of events take, and what they cost."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from operations.sizing.inputs import Inputs, read
from operations.sizing.model import curve, foretold, grain, limits, parts, size

RATES = (1.0, 100.0, 1_000.0, 10_000.0)
_WIDTH = 120
_PERCENT = 100


def sizing(
    rates: Annotated[
        list[float] | None,
        typer.Argument(metavar="[RATE]...", min=0.01, help="Events a second; four rates unless said."),
    ] = None,
    *,
    inputs: Annotated[
        Path | None, typer.Option(help="A file of measured figures, assumptions and prices; see docs/sizing.md.")
    ] = None,
) -> None:
    """Print cores, brokers, shards, storage and money for rates of events, and what stops carrying more first.

    Needs no server. The figures follow from measurements and assumptions that `--inputs` replaces.
    """
    given = read(inputs)
    console = Console(width=_WIDTH, no_color=True, highlight=False)
    _basis(given, console)
    _sizes(given, rates or list(RATES), console)
    _parts(given, rates or list(RATES), console)
    _limits(given, console)


def _basis(given: Inputs, console: Console) -> None:
    measured, of = given.measured, curve(given.measured)
    was, said = foretold(measured)
    console.print(
        f"Measured on {measured.on} ({measured.machine}): an event costs {of.each:.0f} ms of CPU, and each second "
        f"with events {of.shared:.0f} ms beside; idle, {measured.idle_cores:g} of a core.\n"
        f"Of a burst, at {measured.drain_rate:g} events/s, that says {said:.0f} ms an event; "
        f"{was:.0f} ms were measured.\n"
        f"Prices of {given.prices.on}, in {given.prices.currency}; a month has 730 hours.\n"
    )


def _sizes(given: Inputs, rates: list[float], console: Console) -> None:
    table = _table("", *(f"{rate:,g}/s" for rate in rates))
    sizes = [size(given, rate) for rate in rates]
    whole = given.assumed.utilization * _PERCENT
    for name, values in (
        ("cores at work", [f"{each.busy:,.1f}" for each in sizes]),
        (f"cores to have, {whole:.0f} % full", [f"{each.cores:,.1f}" for each in sizes]),
        ("memory, GiB", [f"{each.memory_gib:,.0f}" for each in sizes]),
        ("Kafka brokers", [f"{each.brokers:,}" for each in sizes]),
        ("Temporal shards (fixed at installation)", [f"{each.shards:,}" for each in sizes]),
        ("commits a day", [f"{each.commits_a_day:,.0f}" for each in sizes]),
        ("files a day, compacted", [f"{each.files_a_day:,.0f}" for each in sizes]),
        ("Kafka's disks, GB", [f"{each.kafka_gb:,.1f}" for each in sizes]),
        (
            f"Bronze, archive after {given.assumed.months_in_lake:g} months, GB",
            [f"{each.lake_gb:,.0f}" for each in sizes],
        ),
        (
            f"Silver, Gold after {given.assumed.months_in_lake:g} months, GB",
            [f"{each.marts_gb:,.0f}" for each in sizes],
        ),
        (
            f"database after {given.assumed.months_in_database:g} months, GB",
            [f"{each.database_gb:,.0f}" for each in sizes],
        ),
        (
            f"Temporal's histories of {given.assumed.days_in_temporal:g} days, GB",
            [f"{each.temporal_gb:,.1f}" for each in sizes],
        ),
        (f"{given.prices.currency} a month", [f"{each.cost:,.0f}" for each in sizes]),
        (
            f"{given.prices.currency} a million events",
            [f"{each.cost / (each.rate * 3600 * 730) * 1e6:,.2f}" for each in sizes],
        ),
    ):
        table.add_row(name, *values)
    console.print(table)


def _parts(given: Inputs, rates: list[float], console: Console) -> None:
    console.print("\nCores at work, by part (an estimate: the parts were measured at one rate)")
    table = _table("", *(f"{rate:,g}/s" for rate in rates))
    of = parts(given.measured)
    for name in of:
        table.add_row(name.replace("_", " "), *(f"{size(given, rate).parts[name]:,.2f}" for rate in rates))
    console.print(table)


def _limits(given: Inputs, console: Console) -> None:
    console.print("\nWhat stops carrying more first, and what to turn")
    table = Table(box=None, pad_edge=False, header_style="")
    table.add_column("events/s", justify="right")
    table.add_column("what", max_width=52)
    table.add_column("then", max_width=54)
    for each in limits(given):
        table.add_row(f"{each.rate:,.0f}", each.what, each.remedy)
    console.print(table)
    console.print(f"\nOne workflow for each event is the wrong grain from about {grain(given):,.0f} events/s on.")


def _table(first: str, *names: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="")
    table.add_column(first)
    for name in names:
        table.add_column(name, justify="right")
    return table
