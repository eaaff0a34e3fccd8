"""`payments replay`: raw events of any kind once more through the pipeline."""

import json
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Annotated

import typer
from kit.clock import utc_now
from kit.settings import load
from rich.console import Console

from operations.errors import DeploymentError
from operations.recovery.events import RawEvent
from operations.recovery.filters import Filter
from operations.recovery.options import (
    Actor,
    Events,
    Failing,
    Force,
    Json,
    Merchants,
    Providers,
    Rate,
    Since,
    Types,
    Until,
    Version,
    Wait,
    actor_of,
    chosen,
    nothing_matches,
)
from operations.recovery.performance import perform
from operations.recovery.redrive import Limits, Run
from operations.recovery.report import ended_without_raw, print_tally
from operations.recovery.selection import Choice, RawSelection, Tally
from operations.recovery.session import Session, open_session
from operations.recovery.sources import Source
from operations.recovery.topics import SKEW
from operations.recovery.workflows import ENDED
from operations.settings import RecoverySettings

console = Console()

# Before their workflows ended most events were received within so long; only the others are looked for everywhere.
_MOSTLY_WITHIN = timedelta(days=1)


def replay(
    *,
    provider: Providers = None,
    merchant: Merchants = None,
    since: Since = None,
    until: Until = None,
    event: Events = None,
    event_type: Types = None,
    contract_version: Version = None,
    workflows: Annotated[
        list[str] | None,
        typer.Option(
            "--workflows",
            help=f"Whose workflow ended so, and that have no row: {', '.join(ENDED)}; may be repeated. "
            "--since and --until are then about when it ended.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most workflows to look for, the newest first.")] = 1000,
    rate: Rate = 50.0,
    max_failures: Failing = 20,
    wait: Wait = 30.0,
    actor: Actor = None,
    unsupported: Annotated[
        bool,
        typer.Option("--unsupported", help="Only what has neither a row nor a dead letter: its type had no mapping."),
    ] = False,
    without_row: Annotated[bool, typer.Option("--without-row", help="Only what has no row.")] = False,
    execute: Annotated[bool, typer.Option("--execute", "--yes", help="Send; without it only counts are told.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Send nothing, as without --execute.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Send what was sent again within the last day too.")] = False,
    restart: Annotated[
        bool,
        typer.Option(
            "--restart",
            help="Start the workflow of an event again where Temporal knows it, and send its record only where not: "
            "for one that has ended, and whose row is gone.",
        ),
    ] = False,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write raw events to their topics again, under the same event id: what the pipeline has already changes nothing.

    Tells only what it would do, unless --execute is given. What today's contract does not take is counted and not sent.
    Ctrl-C ends it after the batch that is under way; running it again goes on with the rest. Exit code 1: nothing
    matches, or something failed again; 69: a server does not answer.
    """
    if execute and dry_run:
        raise typer.BadParameter("--execute and --dry-run do not go together")
    which = chosen(
        providers=provider,
        merchants=merchant,
        events=event,
        types=event_type,
        since=since,
        until=until,
        version=contract_version,
    )
    if which == Filter() and not (unsupported or without_row or workflows):
        raise typer.BadParameter("say which events: nobody means all of them")
    choice = Choice(without_row or bool(workflows), unsupported, again, force, restart)
    with open_session(load(RecoverySettings)) as session:
        if workflows:
            ended = _ended(session, workflows, limit, which)
            selection = _selection(session, Filter(providers=which.providers, event_ids=ended), choice)
            selection.tally.ended = len(ended)
            events = _of_ended(session.source, which, ended, selection.tally)
        else:
            selection = _selection(session, which, choice)
            events = session.source.raw(which)
        candidates = selection.choose(events)
        recovered = True
        if execute:
            run = Run("replay", actor_of(actor), which.as_json(workflows or ()))
            limits = Limits(rate, max_failures, force)
            recovered = perform(session, run, limits, candidates, console, wait=wait)
        else:
            deque(candidates, maxlen=0)
    _tell(selection.tally, which, unsupported=unsupported, as_json=as_json, executed=execute)
    if not recovered:
        raise typer.Exit(1)


def _selection(session: Session, which: Filter, choice: Choice) -> RawSelection:
    quarantined = frozenset[str]()
    if choice.unsupported:
        wanted = Filter(providers=which.providers, since=which.since, until=which.until, event_ids=which.event_ids)
        quarantined = frozenset(failure.event_id for failure in session.source.failures(wanted, bodies=False))
    return RawSelection(choice, rows=session.rows, quarantined=quarantined, actions=session.trail.last, now=utc_now())


def _tell(tally: Tally, which: Filter, *, unsupported: bool, as_json: bool, executed: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(tally), indent=2))
    if not tally.matched:
        more = f": {ended_without_raw(tally)}" if tally.without_raw is not None else ""
        raise nothing_matches(which, Console(stderr=True), more)
    if not as_json:
        print_tally(tally, console, unsupported=unsupported)
        if not executed:
            console.print("a dry run; add --execute to send", highlight=False)


def _ended(session: Session, states: list[str], limit: int, which: Filter) -> frozenset[str]:
    """Return the events whose workflows ended so, among those that are meant if any are named."""
    if unknown := set(states) - ENDED.keys():
        raise typer.BadParameter(f"no such end: {', '.join(sorted(unknown))}; there are {', '.join(ENDED)}")
    found = session.workflows()
    if found is None:
        raise DeploymentError("TEMPORAL_HTTP_URL is not set: workflows cannot be looked for.")
    newest = found.ended(states, limit + 1, which.since, which.until)
    if len(newest) > limit:
        Console(stderr=True, soft_wrap=True).print(
            f"more than {limit} workflows ended so, and no others than the newest {limit} are looked at: for the rest "
            f"run it again with --limit {10 * limit}, which leaves out what has its row or was sent within a day",
            style="yellow",
            highlight=False,
        )
    ended = frozenset(newest[:limit])
    if which.event_ids:
        ended &= which.event_ids
    if not ended:
        raise nothing_matches(which, Console(stderr=True), f" with a workflow that is {' or '.join(states)}")
    return ended


def _of_ended(source: Source, which: Filter, ended: Collection[str], tally: Tally) -> Iterator[RawEvent]:
    """Yield the raw events of workflows that ended within the times of a filter, whenever these were received.

    At the end the tally has how many of them were not found.
    """
    missing = set(ended)
    # A webhook is received before its workflow ends, and may have waited for long, or have been sent again.
    until = None if which.until is None else which.until + SKEW
    for since in (None,) if which.since is None else (which.since - _MOSTLY_WITHIN, None):
        if missing:
            if which.since is not None and since is None:
                Console(stderr=True, soft_wrap=True).print(
                    f"{len(missing)} of {len(ended)} were received more than a day before --since, or nowhere: looking "
                    "through all that topics and archive hold, which may take a while",
                    highlight=False,
                )
            for event in source.raw(replace(which, since=since, until=until, event_ids=frozenset(missing))):
                missing.discard(event.event_id)
                yield event
    tally.without_raw = len(missing)
