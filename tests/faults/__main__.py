"""Kills every process that carries events, under load: `make faults`."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from typing import Annotated

import typer
from rich.console import Console
from stack.session import Session
from stack.settings import Settings

from tests.conftest import PROGRAM, ROOT
from tests.faults.ordeal import Plans, choose, endure
from tests.faults.victims import Victims


def main(
    *,
    webhooks: Annotated[int, typer.Option(min=2, help="How many webhooks come in meanwhile.")] = 1500,
    rate: Annotated[float, typer.Option(min=0.1, help="How many a second.")] = 25,
    kills: Annotated[int | None, typer.Option(min=0, help="How many processes are killed; else all.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Kill this one; may be repeated, in this order.")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides the order.")] = None,
) -> None:
    """Print what is lost, repeated or stuck after every process was killed; fail if anything is."""
    console = Console(highlight=False, soft_wrap=True)
    number = secrets.randbelow(1_000_000) if seed is None else seed
    session = Session(Settings(), console)
    victims = Victims(session)
    if unknown := sorted(set(only or ()) - set(victims.names)):
        raise typer.BadParameter(f"no such process: {', '.join(unknown)}; there are {', '.join(victims.names)}")
    order = only or choose(victims.names, kills, number)
    subprocess.run([str(PROGRAM), "up", *victims.names], cwd=ROOT, check=True)
    printed = subprocess.run([str(PROGRAM), "env", "--format", "json"], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    console.print(f"seed {number}: {', '.join(order)}")
    plans = Plans(webhooks, rate, order, f"faults-{os.getpid()}-{number}")
    problems = endure(json.loads(printed.stdout), session, plans, console.print)
    for problem in problems:
        console.print(f"[bold red]{problem}[/]")
    if problems:
        console.print(f"To do the same again: make faults SEED={number}")
        raise typer.Exit(1)
    console.print("Nothing was lost, repeated or stuck.")


if __name__ == "__main__":
    typer.run(main)
