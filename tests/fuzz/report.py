"""Shows how a run comes along, and what it came to."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from contextlib import contextmanager
from hashlib import sha256
from time import monotonic
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from tests.fuzz import contract, flood
    from tests.fuzz.ledger import Finding

_SECONDS_BETWEEN_LINES = 5.0
# What differs between findings that are alike.
_IDS = re.compile(r"[0-9a-f-]{8,}")


@contextmanager
def progress(console: Console, names: Sequence[str], total: int) -> Iterator[Callable[[str, int], None]]:
    """Give a function that takes in how far a part is: a bar on a terminal, else a line every few seconds."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    done = dict.fromkeys(names, 0)
    said_at = monotonic()
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks = {name: bars.add_task(name, total=total) for name in names}

        def advance(name: str, completed: int) -> None:
            nonlocal said_at
            done[name] = completed
            bars.update(tasks[name], completed=completed)
            if not console.is_terminal and monotonic() - said_at >= _SECONDS_BETWEEN_LINES:
                said_at = monotonic()
                console.print(", ".join(f"{each} {count} of {total}" for each, count in done.items()))

        yield advance


def show_contracts(console: Console, outcomes: Mapping[str, contract.Outcome]) -> None:
    """Print what schemathesis sent to each operation, and what was answered."""
    table = Table("operation", "phase", "cases", "answers", title="From the contracts", title_justify="left")
    for api, outcome in outcomes.items():
        by_place: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for (phase, operation, status), count in outcome.cases.items():
            by_place[operation, phase][str(status or "none")] += count
        for (operation, phase), answers in sorted(by_place.items()):
            table.add_row(f"{api} {operation}", phase, f"{answers.total():,}", _told(answers))
        for phase, reason in outcome.skipped.items():
            table.add_row(api, phase, "0", reason.replace("_", " "))
        table.add_section()
    console.print(table)


def show_answers(console: Console, title: str, answers: Mapping[str, Counter[tuple[str, str]]]) -> None:
    """Print a table of what was answered to each kind of body, with a column for each receiver."""
    table = Table("kind of body", *answers, title=title, title_justify="left")
    kinds = dict.fromkeys(kind for counted in answers.values() for kind, _ in sorted(counted))
    for kind in kinds:
        told = (
            Counter({said: count for (each, said), count in all_.items() if each == kind}) for all_ in answers.values()
        )
        table.add_row(kind, *map(_told, told))
    table.add_section()
    table.add_row("all", *(f"{counted.total():,}" for counted in answers.values()))
    console.print(table)


def show_records(console: Console, outcome: flood.Outcome) -> None:
    """Print what Kafka holds beside what the answers promised."""
    table = Table("topic", "records", "acknowledged", title="In Kafka", title_justify="left")
    promised: Counter[str] = Counter()
    for ledger in outcome.ledgers.values():
        for entry, count in ledger.acknowledged.items():
            promised[entry.topic] += count
    for topic, count in outcome.records.items():
        table.add_row(topic, f"{count:,}", f"{promised[topic]:,}")
    console.print(table)


def show_findings(console: Console, findings: Sequence[Finding], folder: Path) -> None:
    """Print what is wrong, alike findings once, and keep a body that shows each."""
    alike: defaultdict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        alike[finding.kind, _IDS.sub("…", finding.complaint)].append(finding)
    for (kind, _), all_ in alike.items():
        first = all_[0]
        console.print(f"wrong: {kind}, {len(all_):,} times: {first.complaint}", markup=False, soft_wrap=True)
        if first.content:
            file = folder / f"{sha256(first.content).hexdigest()[:16]}.body"
            file.write_bytes(first.content)
            console.print(f"  a body that shows it: {file}", highlight=False, soft_wrap=True)


def _told(answers: Counter[str]) -> str:
    return ", ".join(f"{count:,} with {said}" for said, count in sorted(answers.items()))
