"""Renders a verdict for a person."""

from collections import Counter

from payments_contracts.tables import GOLD_DAILY_PAYMENT_METRICS
from rich.console import Console
from rich.table import Table

from operations.reconciliation import Hop, first_loss
from operations.verification import Verdict

_TITLES = {
    "answered": "sent, answered as expected",
    "raw": "accepted, in the raw topic",
    "refused": "malformed, in the ingestion dead letters",
    "normalized": "normalized",
    "quarantined": "quarantined",
    "reasons": "quarantined for the expected reasons",
    "bronze": "in Bronze",
    "silver": "in Silver",
    "gold": "payments, counted in Gold",
}
_SHOWN_IDS = 5


def print_verdict(verdict: Verdict, console: Console) -> None:
    """Print the balance of every hop, the reasons for quarantine, Gold's metrics and the first loss."""
    console.print(_balance(verdict))
    if verdict.metrics:
        console.print(_metrics(verdict))
    if loss := first_loss(verdict.hops):
        console.print(f"[bold red]The counts do not agree.[/] {explain(loss)}")
    else:
        console.print("[bold green]Every count agrees.[/]")


def explain(hop: Hop) -> str:
    """Say in a sentence what a hop lost, invented or doubled."""
    findings = [
        f"{len(ids)} {word}: {', '.join(ids[:_SHOWN_IDS])}{' …' if len(ids) > _SHOWN_IDS else ''}"
        for word, ids in (
            ("missing", hop.missing),
            ("unexpected", hop.unexpected),
            ("more than once", hop.duplicated),
        )
        if ids
    ]
    return f"First hop that differs: {_TITLES[hop.name]}, {hop.found} of {hop.expected}. {'; '.join(findings)}"


def _balance(verdict: Verdict) -> Table:
    table = Table("hop", title="From webhook to Gold", title_justify="left")
    table.add_column("expected", justify="right")
    table.add_column("found", justify="right")
    table.add_column("")
    for hop in verdict.hops:
        mark = "[green]agrees[/]" if hop.agrees else "[red]differs[/]"
        table.add_row(_TITLES[hop.name], str(hop.expected), str(hop.found), mark)
        if hop.name == "quarantined":
            reasons = Counter(code for codes in verdict.arrivals.reasons.values() for code in codes)
            for code, count in sorted(reasons.items()):
                table.add_row(f"  {code}", "", str(count), "", style="dim")
    return table


def _metrics(verdict: Verdict) -> Table:
    table = Table("day", "currency", "status", title=GOLD_DAILY_PAYMENT_METRICS, title_justify="left")
    table.add_column("payments", justify="right")
    table.add_column("amount", justify="right")
    for metric in verdict.metrics:
        table.add_row(
            metric.day.isoformat(), metric.currency, metric.status, str(metric.payments), f"{metric.amount:,}"
        )
    return table
