"""Fuzzes the gateways and the inference service on a running Kafka and registry: `make fuzz`.

schemathesis sends what the contracts make it think of, then each gateway gets its share of malformed bodies. Exits
with 1 where an answer, or what is in Kafka, is not what it has to be.
"""

from __future__ import annotations

import math
import os
import secrets
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from tests.fuzz import report
from tests.fuzz.barrage import Barrage
from tests.fuzz.bodies import KINDS
from tests.fuzz.contract import examine
from tests.fuzz.endpoint import PLAIN
from tests.fuzz.flood import Flood, flood
from tests.fuzz.ledger import Finding
from tests.fuzz.services import INFERENCE, services, survivors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.processes import Process

_MOST_SEEDS = 2**32


def main(
    *,
    bodies: Annotated[int, typer.Option(min=1, help="Malformed bodies for all gateways together.")] = 50_000,
    cases: Annotated[int, typer.Option(min=1, help="Cases that schemathesis makes up for each operation.")] = 500,
    seed: Annotated[int | None, typer.Option(help="Equal seeds send the same; by default one is drawn.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="Only bodies of this kind; may be repeated.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Requests under way at each gateway.")] = 16,
    folder: Annotated[Path | None, typer.Option(help="Where reports and the bodies of findings go.")] = None,
) -> None:
    """Fuzz everything that answers HTTP; exits with 1 where something is wrong."""
    if unknown := set(kind or ()) - set(KINDS):
        raise typer.BadParameter(f"no kind is called {', '.join(unknown)}; there are {', '.join(KINDS)}.")
    chosen = secrets.randbelow(_MOST_SEEDS) if seed is None else seed
    place = folder or Path(os.environ.get("PAYMENTS_STATE_DIR", ".state-test")) / "fuzz"
    place.mkdir(parents=True, exist_ok=True)
    console = Console()
    console.print(f"seed {chosen}; the same again: make fuzz SEED={chosen} BODIES={bodies} CASES={cases}")
    share = math.ceil(bodies / len(PLAIN))
    plan = Flood(share, chosen, concurrency, tuple(kind or KINDS))
    with services({}) as started:
        findings = [
            *_from_contracts(console, started, cases, chosen, place),
            *_at_inference(console, started, min(share, 2_000), plan),
            *_at_gateways(console, started, plan),
            *survivors(started),
        ]
    report.show_findings(console, findings, place)
    console.print(f"{len(findings):,} findings, seed {chosen}" if findings else f"nothing is wrong, seed {chosen}")
    raise typer.Exit(bool(findings))


def _from_contracts(
    console: Console, started: Mapping[str, Process], cases: int, seed: int, folder: Path
) -> list[Finding]:
    outcomes = {}
    for api, process in started.items():
        console.print(f"schemathesis, {api}")
        outcomes[api] = examine(api, process.url, examples=cases, seed=seed, folder=folder)
    report.show_contracts(console, outcomes)
    return [Finding(api, outcome.said) for api, outcome in outcomes.items() if not outcome.is_clean]


def _at_inference(console: Console, started: Mapping[str, Process], count: int, plan: Flood) -> list[Finding]:
    with report.progress(console, [INFERENCE], 2 * count) as advance:
        barrage = Barrage(count, plan.seed, lambda completed: advance(INFERENCE, completed))
        barrage.fire(started[INFERENCE].url, plan.concurrency)
    answers: dict[str, Counter[tuple[str, str]]] = {}
    for (path, kind, said), number in barrage.answers.items():
        answers.setdefault(path, Counter())[kind, said] += number
    report.show_answers(console, "Bodies sent to the inference service", answers)
    return barrage.findings


def _at_gateways(console: Console, started: Mapping[str, Process], plan: Flood) -> list[Finding]:
    with report.progress(console, list(PLAIN), plan.malformed) as advance:
        outcome = flood(plan, os.environ, started, advance)
    report.show_answers(
        console, "Bodies sent to the gateways", {name: ledger.answers for name, ledger in outcome.ledgers.items()}
    )
    report.show_records(console, outcome)
    reached = sum(ledger.malformed for ledger in outcome.ledgers.values())
    console.print(f"{reached:,} authentic malformed bodies")
    short = plan.malformed * len(outcome.ledgers) - reached
    return [*outcome.findings, *([Finding("run", f"{short:,} bodies were not sent any more")] if short > 0 else [])]


if __name__ == "__main__":
    typer.run(main)
