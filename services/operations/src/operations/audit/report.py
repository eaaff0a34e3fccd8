"""What the audit found, for people and for machines."""

from collections.abc import Sequence
from typing import Any

from payments_contracts.pins.operations import AuditDifference
from rich.console import Console
from rich.table import Table
from rich.text import Text

from operations.audit.hops import HOPS, remedy
from operations.audit.look import Look

_NAMED = 20
_PLACES = ("raw", "unsupported", "quarantined", "normalized", "dead_letters", "bronze", "database", "silver")


def as_json(
    looks: Sequence[Look], followed: Sequence[AuditDifference], providers: Sequence[str] = ()
) -> dict[str, Any]:
    """Return everything: the runs with counts and sums, and each difference with what to do.

    Args:
        looks: What was found, window by window.
        followed: The differences that are open or under way.
        providers: Whose webhooks this installation receives.
    """
    return {
        "balanced": not any(each.state == "open" for each in followed),
        "open": _count(followed, "open"),
        "pending": _count(followed, "pending"),
        "runs": [look.run.model_dump(mode="json") for look in looks],
        "resolved": [_difference(each) for look in looks for each in look.of("resolved")],
        "differences": [_difference(each) for each in followed],
        "compared": {
            hop: sorted({name for look in looks for name in look.compared.get(hop, ())})
            for hop in HOPS
            if any(hop in look.compared for look in looks)
        },
        "uncompared": _uncompared(looks, providers),
        "unread": looks[-1].unread if looks else {},
        "unreadable": {topic: count for look in looks for topic, count in look.unreadable.items()},
    }


def print_look(look: Look, console: Console) -> None:
    """Print a window's counts and sums in a line for each place."""
    run = look.run
    if run.since == run.until:
        console.print(f"Nothing new before {run.until:%Y-%m-%d %H:%M} UTC; looked again at what is followed.")
        return
    table = Table(title=f"{run.since:%Y-%m-%d %H:%M} to {run.until:%Y-%m-%d %H:%M} UTC", title_justify="left")
    table.add_column("place")
    table.add_column("events", justify="right")
    table.add_column("sums, in minor units")
    for place in _PLACES:
        sums = [f"{name.split('.')[1]} {total}" for name, total in run.sums.items() if name.startswith(f"{place}.")]
        table.add_row(place.replace("_", " "), str(run.counts.get(place, 0)), ", ".join(sums))
    console.print(table)
    for topic, count in look.unread.items():
        if count:
            console.print(
                f"{topic}: up to {count} records of that time wait for their readers", style="yellow", soft_wrap=True
            )
    for topic, count in look.unreadable.items():
        console.print(
            f"{topic}: {count} records cannot be decoded; the normalizer dead-letters such",
            style="yellow",
            soft_wrap=True,
        )


def print_state(looks: Sequence[Look], followed: Sequence[AuditDifference], console: Console) -> None:
    """Print each hop with what is open and under way, and name the differences with what to do."""
    opened = [each for each in followed if each.state == "open"]
    for hop, words in HOPS.items():
        count, waiting = (sum(each.hop == hop for each in group) for group in (opened, followed))
        waiting -= count
        told = [f"{number} {word}" for number, word in ((count, "open"), (waiting, "under way")) if number]
        compared = [look.compared[hop] for look in looks if hop in look.compared]
        if not compared:
            told.append("not compared")
        elif hop == "acknowledged":
            told.append(f"compared {', '.join(sorted({name for names in compared for name in names}))}")
        sign, style = ("✗", "red") if count else ("✓", "green") if compared else ("-", "yellow")
        line = Text(f"{sign} {words}", style=style)
        console.print(line + Text(f": {', '.join(told)}" if told else "", style="default"), soft_wrap=True)
    resolved = sum(len(look.of("resolved")) for look in looks)
    if resolved:
        console.print(f"{resolved} that were followed are resolved.")
    for each in opened[:_NAMED]:
        # Nobody can copy a command that is broken into lines.
        console.print(f"{each.hop} {each.subject}", style="bold", highlight=False, soft_wrap=True)
        money = "" if each.currency is None else f", {each.currency} {each.amount_cents} in minor units"
        console.print(
            f"  {each.detail}{money}, since {each.since:%Y-%m-%d %H:%M:%S} UTC", highlight=False, soft_wrap=True
        )
        console.print(
            f"  → {remedy(each.hop, each.kind, each.subject, each.event_at, each.detail)}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    if len(opened) > _NAMED:
        console.print(
            f"and {len(opened) - _NAMED} more: `payments audit --json` names all, the table audit_differences too",
            soft_wrap=True,
        )


def _uncompared(looks: Sequence[Look], providers: Sequence[str]) -> dict[str, list[str]]:
    """Return the hops at which nothing was compared; of the first one the providers of which nothing was."""
    found: dict[str, list[str]] = {hop: [] for hop in HOPS if not any(hop in look.compared for look in looks)}
    asked = {name for look in looks for name in look.compared.get("acknowledged", ())}
    if unasked := sorted(set(providers) - asked):
        found["acknowledged"] = unasked
    return found


def _difference(each: AuditDifference) -> dict[str, Any]:
    told: dict[str, Any] = each.model_dump(mode="json", exclude_none=True)
    return told | {"remedy": remedy(each.hop, each.kind, each.subject, each.event_at, each.detail)}


def _count(differences: Sequence[AuditDifference], state: str) -> dict[str, int]:
    return {
        hop: count for hop in HOPS if (count := sum(each.state == state and each.hop == hop for each in differences))
    }
