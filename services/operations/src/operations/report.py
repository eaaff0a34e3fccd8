"""Renders a verdict for a person."""

from collections import Counter
from collections.abc import Iterable, Mapping

from payments_contracts.tables import GOLD_DAILY_PAYMENT_METRICS
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from operations.money import MEASURES, Sum
from operations.reconciliation import Hop, first_loss
from operations.records import Undecodable
from operations.verification import Verdict

_TITLES = {
    "answered": "sent, answered as expected",
    "raw": "accepted, in the raw topic",
    "refused": "malformed, in the ingestion dead letters",
    "normalized": "normalized",
    "quarantined": "quarantined by the normalizer",
    "reasons": "quarantined for the expected reasons",
    "dead_letters": "given up by the orchestrator",
    "bronze": "in Bronze",
    "database": "in the operational database",
    "silver": "in Silver",
    "payments": "payments, their state in Silver",
    "gold": "payments of these lives in Gold",
    "gold_test": "the same of test data",
}
_REMEDIES = {
    "answered": "Look into the gateway's log for these events.",
    "raw": "Compare the record in the raw topic with what was sent; the gateway has to keep a body byte for byte.",
    "normalized": "Try the body with `codegen try`: the mapping takes another amount or state than it has to.",
    "dead_letters": "Read the reason in the dead letter, and mend what stopped the orchestrator.",
    "bronze": "Compare these events' rows with their normalized records; a row that is doubled was appended twice.",
    "database": "Compare the events' rows with those of Bronze: both are written from one scored event.",
    "silver": "Run `payments verify --refresh`; where it stays, Silver takes the wrong row of an event.",
    "payments": "Look at the history of these payments in Silver: which version wins, and which part is left out.",
    "gold": "Run `payments verify --refresh`; where it stays, Gold adds up something else than Silver.",
    "gold_test": "Run `payments verify --refresh`; where it stays, live and test data are not told apart.",
}
_SHOWN_IDS = 5
_SHOWN_SUMS = 6
_EVENTS = ("normalized", "bronze", "database", "silver")
_PAYMENTS = {"payments": "Silver", "gold": "Gold", "gold_test": "Gold, test"}


def print_verdict(verdict: Verdict, console: Console) -> None:
    """Print the balance of every hop, money by currency, reasons for quarantine, Gold's metrics and the first loss."""
    console.print(_balance(verdict))
    for table in (_events(verdict.hops), _payments(verdict.hops)):
        if table is not None:
            console.print(table)
    if verdict.metrics:
        console.print(_metrics(verdict))
    if loss := first_loss(verdict.hops):
        wrong = not all(each.agrees for each in loss.sums) or loss.differing
        what = "The amounts do not agree." if wrong else "The counts do not agree."
        console.print(Text(what, style="bold red"), end=" ")
        console.print(Text(explain(loss)), soft_wrap=True)
    else:
        console.print("[bold green]Every count agrees, and every amount.[/]")


def print_undecodable(undecodable: Undecodable, console: Console) -> None:
    """Print how many messages of each topic were passed by, if any, and where the first of each lies."""
    for topic, count in sorted(undecodable.counts.items()):
        what = "1 message was" if count == 1 else f"{count:,} messages were"
        first = undecodable.firsts[topic]
        console.print(
            Text(f"{topic}: {what} passed by, no record of the contracts; the first at {first}"), soft_wrap=True
        )


def explain(hop: Hop) -> str:
    """Say in a sentence what a hop lost, invented, doubled or changed, and what to do."""
    findings = [
        f"{len(ids)} {word}: {', '.join(ids[:_SHOWN_IDS])}{' …' if len(ids) > _SHOWN_IDS else ''}"
        for word, ids in (
            ("missing", hop.missing),
            ("unexpected", hop.unexpected),
            ("more than once", hop.duplicated),
            ("that say something else", hop.differing),
        )
        if ids
    ]
    wrong = [each for each in hop.sums if not each.agrees]
    findings += [
        f"{each.measure} in {each.currency}: {each.expected:,} expected, {each.found:,} found"
        for each in wrong[:_SHOWN_SUMS]
    ]
    if len(wrong) > _SHOWN_SUMS:
        findings.append(f"{len(wrong) - _SHOWN_SUMS} more sums")
    told = f"First hop that differs: {_TITLES[hop.name]}, {hop.found} of {hop.expected}. {'; '.join(findings)}"
    remedy = _REMEDIES.get(hop.name)
    return told if remedy is None else f"{told.rstrip('. ')}. {remedy}"


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


def _events(hops: Iterable[Hop]) -> Table | None:
    """Return the sums of all events' amounts by currency, hop beside hop."""
    shown = [hop for hop in hops if hop.name in _EVENTS and hop.sums]
    if not shown:
        return None
    table = Table("currency", title="Amounts of all events, in minor units", title_justify="left")
    table.add_column("expected", justify="right")
    for hop in shown:
        table.add_column(hop.name, justify="right")
    by_hop = [{each.currency: each for each in hop.sums} for hop in shown]
    for currency in sorted({currency for sums in by_hop for currency in sums}):
        cells = [sums.get(currency) for sums in by_hop]
        expected = next(each.expected for each in cells if each is not None)
        table.add_row(currency, f"{expected:,}", *map(_cell, cells))
    return table


def _payments(hops: Iterable[Hop]) -> Table | None:
    """Return what payments come to by currency, as Silver and Gold have it."""
    shown = [hop for hop in hops if hop.name in _PAYMENTS and hop.sums]
    if not shown:
        return None
    # Narrow, so that sums of millions are whole in 80 columns.
    table = Table(
        title="What payments come to, in minor units", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    table.add_column("in", no_wrap=True)
    table.add_column("", no_wrap=True)
    for measure in MEASURES:
        table.add_column(measure, justify="right", no_wrap=True)
    for hop in shown:
        sums: Mapping[tuple[str, str], Sum] = {(each.currency, each.measure): each for each in hop.sums}
        for currency in sorted({currency for currency, _ in sums}):
            cells = (sums.get((currency, measure)) for measure in MEASURES)
            table.add_row(_PAYMENTS[hop.name], currency, *map(_cell, cells))
    return table


def _cell(found: Sum | None) -> str:
    if found is None:
        return ""
    return f"{found.found:,}" if found.agrees else f"[red]{found.found:,} not {found.expected:,}[/]"


def _metrics(verdict: Verdict) -> Table:
    table = Table("day", "currency", "status", title=GOLD_DAILY_PAYMENT_METRICS, title_justify="left")
    table.add_column("payments", justify="right")
    table.add_column("amount", justify="right")
    for metric in verdict.metrics:
        table.add_row(
            metric.day.isoformat(), metric.currency, metric.status, str(metric.payments), f"{metric.amount:,}"
        )
    return table
