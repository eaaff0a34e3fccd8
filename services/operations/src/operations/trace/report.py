"""Prints traces, for people and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.text import Text

from operations.shown import printable
from operations.trace.hops import Hop, State, Trace

_MARKS: Mapping[State, tuple[str, str]] = {
    "passed": ("✓", "green"),
    "under way": ("…", "yellow"),
    "stopped": ("✗", "red"),
    "missing": ("✗", "red"),
    "unknown": ("?", "yellow"),
    "none": ("-", "dim"),
}


def as_object(traces: Sequence[Trace], away: Mapping[str, str], looked: Sequence[str]) -> dict[str, Any]:
    """Return traces as JSON has them: times in ISO 8601, amounts as texts."""
    return {
        "events": [_plain(asdict(trace)) for trace in traces],
        "away": dict(away),
        "looked_in": list(looked),
    }


def print_trace(trace: Trace, console: Console) -> None:
    """Print an event: what it is, its hops, and where it is."""
    event = trace.event
    kind = event.get("event_type") or event.get("provider_event_type") or "type not known"
    _line(console, f"event      {event['event_id']}  {kind}")
    provider = event.get("provider", "provider not known")
    own = event.get("provider_event_id", "without an id of the provider's")
    _line(console, f"           {provider} {own}, merchant {event.get('merchant_id', 'not known')}")
    if trace.payment_id is not None:
        _line(console, f"payment    {trace.payment_id}")
    day: date | None = None
    for hop in trace.hops:
        if hop.at is not None and hop.at.date() != day:
            day = hop.at.date()
            _line(console, f"           {day:%Y-%m-%d} UTC")
        _line(console, _hop(hop))
    for note in trace.notes:
        _line(console, f"  note     {note}")
    _line(console, Text(printable(trace.ended), style="bold green" if trace.arrived else "bold red"))


def print_away(away: Mapping[str, str], console: Console) -> None:
    """Print which parts could not be asked."""
    for part, reason in away.items():
        _line(console, Text.assemble(("? ", "yellow"), printable(f"{part} is away: {reason}")))


def _hop(hop: Hop) -> Text:
    mark, style = _MARKS[hop.state]
    at = "" if hop.at is None else f"{hop.at:%H:%M:%S.%f}"[:-3]
    text = Text.assemble((mark, style), f" {hop.name:<10} {at:<12}  ")
    told = [hop.place] if hop.place is not None else []
    told += [f"{name} {_words(value)}" for name, value in hop.said.items()]
    if not told:
        told = [hop.state]
    return text.append(printable(", ".join(told)))


def _line(console: Console, text: str | Text) -> None:
    told = printable(text) if isinstance(text, str) else text
    console.print(told, highlight=False, markup=False, soft_wrap=True)


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _plain(value: Any) -> Any:
    match value:
        case datetime() | date():
            return value.isoformat()
        case Decimal():
            return str(value)
        case Mapping():
            return {name: _plain(each) for name, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
    return value
