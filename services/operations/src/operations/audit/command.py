"""`payments audit`: the audit from the command line."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from getpass import getuser
from typing import Annotated

import typer
from kit.clock import utc_now
from kit.settings import load
from rich.console import Console

from operations.audit.assembly import AuditSettings, open_auditor
from operations.audit.database import open_database
from operations.audit.look import Look, Patience
from operations.audit.report import as_json, print_look, print_state
from operations.audit.run import Plan, plan_chosen, plan_standing, run
from operations.settings import DatabaseSettings

# Without `help=`, which would take the place of what the command below says of itself.
app = typer.Typer()
console = Console()

_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]


@app.callback(invoke_without_command=True)
def audit(  # noqa: PLR0917  # options of a command line
    context: typer.Context,
    since: Annotated[datetime | None, typer.Option(formats=_FORMATS, help="Look from here on (UTC).")] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=_FORMATS, help="Look up to here (UTC); now unless said.")
    ] = None,
    hours: Annotated[float | None, typer.Option(min=0.01, help="Look at so many hours up to --until.")] = None,
    grace: Annotated[float, typer.Option(min=0, help="Minutes that an event may be under way to Bronze.")] = 15,
    silver_grace: Annotated[float, typer.Option(min=0, help="Minutes that a row may be under way to Silver.")] = 130,
    as_machine: Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")] = False,  # noqa: FBT002  # an option of a command line
) -> None:
    """Balance every hop by ids and sums, and name what differs.

    Without a time, the full hours since the last audit are looked at, and what is followed again; what differs is
    followed until it is resolved. With one, that time alone, whatever was looked at before.

    Exits with 0 where all is balanced or under way, with 1 where a difference is open, with 69 where a server is away.
    """
    if context.invoked_subcommand is not None:
        return
    settings = load(AuditSettings)
    patience = Patience(timedelta(minutes=grace), timedelta(minutes=silver_grace))
    looks: list[Look] = []
    with open_database(settings.postgres_dsn) as database, _progress(silent=as_machine) as tell:
        newest = database.newest_run(standing=True)
        plan = _plan(since, until, hours, newest.until if newest else None, patience.flight)
        with open_auditor(settings, database, patience, tell) as auditor:
            for look in run(auditor, database, plan):
                looks.append(look)
                if not as_machine:
                    print_look(look, console)
        followed = database.followed()
    if as_machine:
        typer.echo(json.dumps(as_json(looks, followed, settings.providers), indent=2))
    else:
        print_state(looks, followed, console)
    if any(each.state == "open" for each in followed):
        raise typer.Exit(1)


@app.command()
def accept(
    subject: Annotated[str, typer.Argument(help="The event id, or what else the audit names the difference by.")],
    note: Annotated[str, typer.Option(help="Why nothing more is to be done.")],
) -> None:
    """Judge a difference final: it is no longer followed, and keeps the note and who wrote it.

    Exits with 1 where nothing of that subject is open or under way.
    """
    with open_database(load(DatabaseSettings).postgres_dsn) as database:
        closed = database.accept(subject, f"{note} ({getuser()})", utc_now())
    for each in closed:
        console.print(f"{each.hop} {each.subject}: accepted", highlight=False)
    if not closed:
        typer.echo(f"nothing about {subject} is open; `payments audit` names what is", err=True)
        raise typer.Exit(1)


def _plan(
    since: datetime | None, until: datetime | None, hours: float | None, watermark: datetime | None, flight: timedelta
) -> Plan:
    if since is None and until is None and hours is None:
        return plan_standing(watermark, utc_now(), flight)
    if since is not None and hours is not None:
        raise typer.BadParameter("give --since or --hours, not both")
    end = until.replace(tzinfo=UTC) if until else utc_now()
    start = since.replace(tzinfo=UTC) if since else end - timedelta(hours=hours or 1)
    try:
        return plan_chosen(start, end)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


@contextmanager
def _progress(*, silent: bool) -> Iterator[Callable[[str], None]]:
    """Show what is being looked at while it is, on a terminal alone."""
    if silent or not sys.stderr.isatty():
        yield lambda _: None
        return
    with Console(stderr=True).status("…") as status:
        yield lambda what: status.update(f"looking at {what}")
