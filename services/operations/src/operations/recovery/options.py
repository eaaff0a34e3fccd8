"""The options that the commands of the recovery share."""

import getpass
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer
from payments_contracts.providers import PROVIDERS
from rich.console import Console

from operations.recovery.filters import Filter, instant

Providers = Annotated[list[str] | None, typer.Option("--provider", help="Of this provider; may be repeated.")]
Merchants = Annotated[list[str] | None, typer.Option("--merchant", help="Of this merchant; may be repeated.")]
Events = Annotated[list[str] | None, typer.Option("--event", help="This event id; may be repeated.")]
Types = Annotated[list[str] | None, typer.Option("--type", help="Of this event type of the provider; may be repeated.")]
Reasons = Annotated[list[str] | None, typer.Option("--reason", help="With this reason code; may be repeated.")]
Since = Annotated[
    str | None,
    typer.Option(help="Received at this time or later: 2026-11-24, 2026-11-24T10:30 (UTC), or 90m, 36h, 7d ago."),
]
QuarantinedSince = Annotated[
    str | None,
    typer.Option(help="Whose newest dead letter was written at this time or later, whenever its webhook was received."),
]
Until = Annotated[str | None, typer.Option(help="Received before this time, written as for --since.")]
Version = Annotated[
    int | None, typer.Option("--contract-version", help="Whose record is of this version of its contract.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")]
Actor = Annotated[
    str | None, typer.Option("--as", help="Who does this, for the record; the system's user unless said.")
]
Rate = Annotated[float, typer.Option(min=0.1, help="Most events to send in a second.")]
Failing = Annotated[int, typer.Option("--max-failures", min=0, help="Stop when more events than this fail again.")]
Force = Annotated[
    bool, typer.Option("--force", help="Send what today's contract refuses too, and do not stop at failures.")
]
Wait = Annotated[
    float, typer.Option(min=0, help="Seconds to wait at the end until what was sent has its row or has failed again.")
]


def chosen(
    *,
    providers: list[str] | None,
    merchants: list[str] | None,
    events: list[str] | None,
    types: list[str] | None,
    since: str | None,
    until: str | None,
    version: int | None,
    reasons: list[str] | None = None,
    quarantined_since: str | None = None,
) -> Filter:
    """Make the filter of the options.

    Raises:
        typer.BadParameter: A provider or a time is not known.
    """
    for provider in providers or ():
        if provider not in PROVIDERS:
            raise typer.BadParameter(f"no provider {provider!r}; there are {', '.join(sorted(PROVIDERS))}")
    now = datetime.now(UTC)
    try:
        first, last, written = (
            None if text is None else instant(text, now) for text in (since, until, quarantined_since)
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if first is not None and last is not None and first >= last:
        raise typer.BadParameter("--since has to be earlier than --until")
    return Filter(
        providers=frozenset(providers or ()),
        merchants=frozenset(merchants or ()),
        since=first,
        until=last,
        event_ids=frozenset(events or ()),
        event_types=frozenset(types or ()),
        reasons=frozenset(reasons or ()),
        contract_version=version,
        quarantined_since=written,
    )


def actor_of(name: str | None) -> str:
    """Return who is put on record."""
    return name or getpass.getuser()


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Give an event that Ctrl-C or SIGTERM sets, so that what is under way comes to its end; the next one kills."""
    stop = threading.Event()

    def ask(number: int, _frame: object) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def nothing_matches(which: Filter, console: Console, more: str = "") -> typer.Exit:
    """Say that there is nothing, and return how to end."""
    console.print(f"nothing matches: {which}{more}", highlight=False, markup=False, soft_wrap=True)
    return typer.Exit(1)
