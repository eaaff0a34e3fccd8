"""Kills every process that carries events, under load: `make faults`.

`make faults STREAM=10` kills Flink and Kafka alone, and each ten times; it fails, too, where a recovery takes too long.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from stack.gateways import gateways
from stack.session import Session
from stack.settings import Settings

from tests.conftest import PROGRAM, ROOT
from tests.faults.exactly_once import Plan, StreamOrdeal
from tests.faults.ordeal import Plans, choose, endure
from tests.faults.victims import Victims

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def main(
    *,
    webhooks: Annotated[int, typer.Option(min=2, help="How many webhooks come in meanwhile.")] = 1500,
    rate: Annotated[float, typer.Option(min=0.1, help="How many a second.")] = 25,
    kills: Annotated[int | None, typer.Option(min=0, help="How many processes are killed; else all.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Kill this one; may be repeated, in this order.")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides the order.")] = None,
    stream: Annotated[
        int | None, typer.Option(min=1, help="Instead, kill task manager, job manager and broker so often each.")
    ] = None,
    windows: Annotated[int, typer.Option(min=0, help="With --stream: kills between a checkpoint and its commit.")] = 5,
    downtime: Annotated[float, typer.Option(min=0, help="With --stream: seconds that Flink is away after these.")] = 30,
) -> None:
    """Print what is lost, repeated or stuck after every process was killed; fail if anything is."""
    console = Console(highlight=False, soft_wrap=True)
    number = secrets.randbelow(1_000_000) if seed is None else seed
    session = Session(Settings(), console)
    if stream is not None:
        problems, late = endure_stream(session, Plan(stream, windows, downtime, rate, number), console.print)
        _conclude(problems, number, console, late)
        return
    victims = Victims(session)
    if unknown := sorted(set(only or ()) - set(victims.names)):
        raise typer.BadParameter(f"no such process: {', '.join(unknown)}; there are {', '.join(victims.names)}")
    order = only or choose(victims.names, kills, number)
    subprocess.run([str(PROGRAM), "up", *victims.names], cwd=ROOT, check=True)
    printed = subprocess.run([str(PROGRAM), "env", "--format", "json"], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    console.print(f"seed {number}: {', '.join(order)}")
    plans = Plans(webhooks, rate, order, f"faults-{os.getpid()}-{number}")
    _conclude(endure(json.loads(printed.stdout), session, plans, console.print), number, console)


def endure_stream(session: Session, plan: Plan, say: Callable[[str], None]) -> tuple[Sequence[str], Sequence[str]]:
    """Start the normalizers and what they need, and return what is wrong after all kills, and what took too long."""
    normalizers = [gateway.normalizer for gateway in gateways(session.places)]
    subprocess.run([str(PROGRAM), "up", *normalizers], cwd=ROOT, check=True)
    printed = subprocess.run([str(PROGRAM), "env", "--format", "json"], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    say(f"seed {plan.seed}")
    ordeal = StreamOrdeal(json.loads(printed.stdout), session, session.places.providers, say)
    return ordeal.endure(plan), ordeal.lateness()


def _conclude(problems: Sequence[str], seed: int, console: Console, late: Sequence[str] = ()) -> None:
    """Print the verdicts, and fail where one is not as it has to be."""
    for problem in (*problems, *late):
        console.print(f"[bold red]{problem}[/]")
    if not problems:
        console.print("Nothing was lost, repeated or stuck.")
    if problems or late:
        console.print(f"To do the same again: make faults SEED={seed}, with the same options")
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
