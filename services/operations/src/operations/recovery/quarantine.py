"""`payments quarantine`: what was quarantined, and how it comes back."""

import json
import sys
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

import typer
from kit.clock import utc_now
from kit.settings import load
from payments_contracts.database import RECOVERY_ACTIONS
from payments_contracts.pins.operations import RecoveryAction
from rich.console import Console

from operations.recovery.filters import Filter
from operations.recovery.finding import find, in_states, refused_by_bronze, standings_of
from operations.recovery.options import (
    Actor,
    Events,
    Failing,
    Force,
    Json,
    Merchants,
    Providers,
    QuarantinedSince,
    Rate,
    Reasons,
    Since,
    Types,
    Until,
    Version,
    Wait,
    actor_of,
    chosen,
    nothing_matches,
)
from operations.recovery.originals import Originals
from operations.recovery.performance import perform
from operations.recovery.redrive import Limits, Run
from operations.recovery.report import (
    action_as_object,
    as_object,
    count_states,
    print_event,
    print_list,
    print_plan,
    print_sum,
    print_trials,
    words_of,
)
from operations.recovery.selection import bare, from_quarantine, try_failure
from operations.recovery.session import Session, open_session
from operations.recovery.standing import STATES, Standing
from operations.settings import RecoverySettings

app = typer.Typer(
    rich_markup_mode="markdown",
    no_args_is_help=True,
    help="Look into what was quarantined, try it again, send it again, and close what is final. "
    "Exit code 1: nothing matches, or something could not be recovered; 69: a server does not answer.",
)
console = Console()

States = Annotated[
    list[str] | None,
    typer.Option("--state", help=f"In this state, of {', '.join(STATES)} or all; may be repeated. Open unless said."),
]
Shown = Annotated[int, typer.Option("--limit", min=1, help="Most events to show.")]


@app.command("list")
def list_events(
    *,
    provider: Providers = None,
    merchant: Merchants = None,
    since: Since = None,
    until: Until = None,
    quarantined_since: QuarantinedSince = None,
    event: Events = None,
    event_type: Types = None,
    reason: Reasons = None,
    contract_version: Version = None,
    state: States = None,
    limit: Shown = 50,
    as_json: Json = False,
) -> None:
    """Show quarantined events, the newest first: those that are open, unless another state is asked for."""
    which = chosen(
        providers=provider,
        merchants=merchant,
        events=event,
        types=event_type,
        since=since,
        until=until,
        version=contract_version,
        reasons=reason,
        quarantined_since=quarantined_since,
    )
    with open_session(load(RecoverySettings)) as session:
        everything = find(session, which, bodies=False)
        found = _in_states(everything, state)
        if as_json:
            counts = count_states(everything)
            typer.echo(json.dumps({"states": counts, "events": [as_object(each) for each in found]}, indent=2))
        elif found:
            print_list(found, limit, console)
        _tell_unreadable(session)
    if not found:
        raise nothing_matches(which, Console(stderr=True), _others(everything))


@app.command()
def show(
    event_id: Annotated[str, typer.Argument(help="Id of the event.")],
    *,
    payload: Annotated[
        bool, typer.Option("--payload", help="Print the body alone: it may hold personal data.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show all that is known of one quarantined event; its body only with --payload, of headers the names alone."""
    which = Filter(event_ids=frozenset({event_id}))
    with open_session(load(RecoverySettings)) as session:
        failures = [failure.bare() for failure in session.source.failures(which)]
        if not failures:
            raise nothing_matches(which, Console(stderr=True))
        originals = Originals(session.source)
        (standing,) = standings_of(session, failures)
        (failure,) = originals.whole([standing.failure])
        standing = replace(standing, failure=failure)
        if payload:
            sys.stdout.buffer.write(failure.record.payload)
            return
        original = originals.find([failure])[event_id]
        trial = try_failure(standing.failure, original)
        actions = session.trail.history(event_id)
        if as_json:
            said = as_object(standing) | {"today": words_of(trial), "actions": [action_as_object(a) for a in actions]}
            typer.echo(json.dumps(said, indent=2))
            return
        earlier = [failure for failure in failures if failure.position != standing.failure.position]
        print_event(standing, earlier, (original, trial), actions, console)


@app.command("try")
def try_events(
    *,
    provider: Providers = None,
    merchant: Merchants = None,
    since: Since = None,
    until: Until = None,
    quarantined_since: QuarantinedSince = None,
    event: Events = None,
    event_type: Types = None,
    reason: Reasons = None,
    contract_version: Version = None,
    state: States = None,
    limit: Shown = 20,
    as_json: Json = False,
) -> None:
    """Put the original bytes through today's contract and say what would become of them; sends nothing."""
    which = chosen(
        providers=provider,
        merchants=merchant,
        events=event,
        types=event_type,
        since=since,
        until=until,
        version=contract_version,
        reasons=reason,
        quarantined_since=quarantined_since,
    )
    with open_session(load(RecoverySettings)) as session:
        found = _in_states(find(session, which), state)
        if not found:
            raise nothing_matches(which, Console(stderr=True))
        candidates = [bare(each) for each in from_quarantine(found, Originals(session.source))]
        if as_json:
            events = [
                {"event_id": each.event_id, "passes": each.trial.passes, "reasons": list(each.trial.reasons)}
                for each in candidates
            ]
            passing = sum(each.trial.passes for each in candidates)
            typer.echo(json.dumps({"quarantined": len(events), "would_pass": passing, "events": events}, indent=2))
        else:
            print_trials(candidates, limit, console)
        _tell_unreadable(session)


@app.command()
def redrive(
    *,
    provider: Providers = None,
    merchant: Merchants = None,
    since: Since = None,
    until: Until = None,
    quarantined_since: QuarantinedSince = None,
    event: Events = None,
    event_type: Types = None,
    reason: Reasons = None,
    contract_version: Version = None,
    rate: Rate = 50.0,
    max_failures: Failing = 20,
    wait: Wait = 30.0,
    rebuild: Annotated[
        Literal["live", "test"] | None,
        typer.Option(help="Make events anew of which only the dead letter is left, as live or as test ones."),
    ] = None,
    actor: Actor = None,
    note: Annotated[str | None, typer.Option(help="Why; kept on record with each event that is sent.")] = None,
    execute: Annotated[bool, typer.Option("--execute", "--yes", help="Send; without it only counts are told.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Send what was redriven before and has no row yet too.")
    ] = False,
    force: Force = False,
) -> None:
    """Write the original records of open events to their raw topics again, under the same event id.

    Tells only what it would do, unless --execute is given. Ctrl-C ends it after the batch that is under way; running it
    again goes on with what is open then.
    """
    which = chosen(
        providers=provider,
        merchants=merchant,
        events=event,
        types=event_type,
        since=since,
        until=until,
        version=contract_version,
        reasons=reason,
        quarantined_since=quarantined_since,
    )
    limits = Limits(rate, max_failures, force)
    with open_session(load(RecoverySettings)) as session:
        everything = find(session, which)
        found = _in_states(everything, ["open", "redriven"] if again else ["open"])
        counts = count_states(everything)
        if not found:
            raise nothing_matches(which, Console(stderr=True), _others(everything))
        candidates = from_quarantine(
            found, Originals(session.source, rebuild=None if rebuild is None else rebuild == "live")
        )
        for name, count in counts.items():
            if count and name not in {each.state for each in found}:
                console.print(f"{count} left out: {name}", highlight=False)
        if not execute:
            counted = [bare(each) for each in candidates]
            print_sum(counted, console)
            print_plan(counted, limits, console)
            console.print("a dry run; add --execute to send", highlight=False)
            return
        run = Run("redrive", actor_of(actor), which.as_json(), note=note)
        recovered = perform(
            session,
            run,
            limits,
            candidates,
            console,
            wait=wait,
            bronze_alone=refused_by_bronze(found),
            total=len(found),
        )
    if not recovered:
        raise typer.Exit(1)


@app.command()
def close(
    *,
    note: Annotated[str, typer.Option("--reason-final", help="Why nothing more is to be done; kept on record.")],
    provider: Providers = None,
    merchant: Merchants = None,
    since: Since = None,
    until: Until = None,
    quarantined_since: QuarantinedSince = None,
    event: Events = None,
    event_type: Types = None,
    reason: Reasons = None,
    contract_version: Version = None,
    actor: Actor = None,
    execute: Annotated[bool, typer.Option("--execute", "--yes", help="Close; without it only told.")] = False,
    reopen: Annotated[bool, typer.Option("--reopen", help="Open closed ones again, with the note.")] = False,
) -> None:
    """Close open events as final, with a note: they are not listed or redriven any more."""
    which = chosen(
        providers=provider,
        merchants=merchant,
        events=event,
        types=event_type,
        since=since,
        until=until,
        version=contract_version,
        reasons=reason,
        quarantined_since=quarantined_since,
    )
    if which == Filter():
        raise typer.BadParameter("say which events: nobody has looked at all of them")
    with open_session(load(RecoverySettings)) as session:
        found = _in_states(find(session, which, bodies=False), ["closed"] if reopen else ["open", "redriven"])
        if not found:
            raise nothing_matches(which, Console(stderr=True))
        verb: Literal["reopen", "close"] = "reopen" if reopen else "close"
        if not execute:
            console.print(f"would {verb} {len(found)}; a dry run; add --execute", highlight=False)
            return
        run_id, now = str(uuid.uuid4()), utc_now()
        session.trail.record(
            [
                RecoveryAction(
                    action_id=str(uuid.uuid4()),
                    run_id=run_id,
                    acted_at=now,
                    actor=actor_of(actor),
                    command=verb,
                    filter=which.as_json(),
                    event_id=each.failure.event_id,
                    provider=each.failure.provider,
                    outcome="reopened" if reopen else "closed",
                    reason_codes=list(each.failure.reason_codes),
                    detail=note,
                    schema_version=RECOVERY_ACTIONS.version,
                )
                for each in found
            ]
        )
        console.print(f"run {run_id}: {len(found)} {'reopened' if reopen else 'closed'}", highlight=False)


def _in_states(found: Sequence[Standing], states: Sequence[str] | None) -> list[Standing]:
    try:
        return in_states(found, states or ["open"])
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _others(found: Sequence[Standing]) -> str:
    counts = ", ".join(f"{count} {name}" for name, count in count_states(found).items() if count)
    return f" that is open ({counts}; see --state)" if counts else ""


def _tell_unreadable(session: Session) -> None:
    if count := session.source.unreadable:
        Console(stderr=True).print(f"{count} records could not be read and were passed over", highlight=False)
