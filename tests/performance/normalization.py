"""Prints how fast each provider's compiled mapping is on one core, beside its interpreter: `make bench`.

Events are the accepted examples of the contracts, each from its bytes to the unified event. Time is the CPU's, so that
other work on the machine counts for little; of several rounds the fastest is shown.
"""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from codegen.envelope import found_in
from codegen.loader import load
from codegen.mapping.evaluate import evaluate
from codegen.mapping.plan import plan
from payments_contracts.normalize import normalize
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from codegen.model import Example
    from codegen.webhooks import Envelope

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
ROUNDS = 7
SECONDS_A_ROUND = 0.4


def events_per_second(examples: Sequence[Example], envelope: Envelope, become: Callable[..., object]) -> float:
    """Return how many events a function takes in a second of one core's time, in its fastest round.

    The function gets a body, its merchant, and all else that the gateway has found.
    """
    found = [found_in(envelope, orjson.loads(each.body), each.headers) for each in examples]
    taken_from = [(each.body, each.merchant_id, *said) for each, said in zip(examples, found, strict=True)]
    fastest = 0.0
    for _ in range(ROUNDS):
        count, start = 0, time.process_time()
        while (taken := time.process_time() - start) < SECONDS_A_ROUND:
            for each in taken_from:
                become(*each)
            count += len(examples)
        fastest = max(fastest, count / taken)
    return fastest


def main() -> None:
    catalog = load(CONTRACTS)
    table = Table("provider", "examples", "bytes, mean", "compiled", "interpreted (baseline)", "ratio", box=None)
    for provider in catalog.providers:
        examples = [each for each in provider.examples if each.kind == "accepted"]
        compiled = events_per_second(examples, provider.envelope, partial(normalize, provider.name))
        baseline = events_per_second(examples, provider.envelope, partial(evaluate, plan(catalog, provider)))
        size = sum(len(each.body) for each in examples) / len(examples)
        figures = (f"{size:,.0f}", f"{compiled:,.0f}/s", f"{baseline:,.0f}/s", f"{compiled / baseline:.1f}")
        table.add_row(provider.name, str(len(examples)), *figures)
    console = Console()
    console.print("Normalization, events in a second of one core")
    console.print(table)
    console.print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
