"""The `stack` command."""

import enum
import json
import os
import shlex
import tempfile
import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from stack import checksums, environment, load, shutdown, startup, status
from stack.demo.narration import Narrator
from stack.demo.pipeline import Pipeline
from stack.demo.programs import Programs
from stack.demo.story import STEPS, Story, Traffic
from stack.errors import StackError
from stack.jobs import Task
from stack.processes import Group
from stack.session import Session
from stack.setup import setup as get_everything
from stack.setup import setup_python as get_python
from stack.tools.catalogue import toolbox
from stack.tools.maven import MavenTool

app = typer.Typer(
    rich_markup_mode="markdown",
    help="Runs the whole pipeline locally, as plain processes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Only(enum.StrEnum):
    """The parts that `up` can be limited to."""

    INFRASTRUCTURE = "infrastructure"
    DEPLOYMENT = "deployment"
    APPLICATIONS = "applications"


class Form(enum.StrEnum):
    """The forms in which `env` prints."""

    SHELL = "shell"
    JSON = "json"


Services = Annotated[list[str] | None, typer.Argument(help="These and all that they need; everything if none.")]


def _session(context: typer.Context) -> Session:
    session = context.obj
    if not isinstance(session, Session):
        raise TypeError("the command line must be run with a Session as its object")
    return session


@app.command()
def setup(
    context: typer.Context,
    *,
    python: Annotated[
        bool, typer.Option("--python", help="Only the environment of editors, checks and codegen; no server.")
    ] = False,
) -> None:
    """Get the servers and the Python environments; what is already there is kept."""
    session = _session(context)
    if python:
        get_python(session.places, session.console)
        return
    get_everything(
        session.places, toolbox(session.places, session.java_home(), session.settings.object_store), session.console
    )


@app.command()
def up(
    context: typer.Context,
    services: Services = None,
    only: Annotated[Only | None, typer.Option(help="Limit to one part of the stack.")] = None,
) -> None:
    """Start the servers, deploy the contracts to them, and start the pipeline."""
    session = _session(context)
    startup.up(session.context(), services or [], Group(only.value) if only else None, session.console)
    if not services and only in {None, Only.APPLICATIONS}:
        address = environment.addresses(session.places, session.ports)[environment.CONSOLE]
        session.console.print(f"{environment.CONSOLE}: {address}", highlight=False)


@app.command()
def down(context: typer.Context) -> None:
    """Stop everything; the state is kept."""
    session = _session(context)
    with startup.exclusive(session.places):
        shutdown.down(session.places, session.console)


@app.command()
def restart(
    context: typer.Context, services: Annotated[list[str], typer.Argument(help="What to stop and start again.")]
) -> None:
    """Restart services, for example after a change of their code."""
    session = _session(context)
    with startup.exclusive(session.places):
        shutdown.stop_services(session.supervisor, services)
    startup.up(session.context(), services, None, session.console)


@app.command("status")
def show_status(context: typer.Context) -> None:
    """Show what runs and how much memory it takes; ends with 1 if something is not as it was asked for."""
    session = _session(context)
    if not status.show(session.supervisor, session.console):
        raise typer.Exit(1)


@app.command()
def logs(
    context: typer.Context,
    service: Annotated[str, typer.Argument(help="A service, or a step such as databases or topics.")],
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as the log grows.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many lines to begin with.")] = 100,
) -> None:
    """Show the log of a service."""
    directory = _session(context).places.logs
    log = directory / f"{service}.log"
    if not log.exists():
        known = ", ".join(sorted(file.stem for file in directory.glob("*.log"))) or "none yet"
        raise StackError(f"There is no log of {service!r}; there are: {known}.")
    arguments = ["tail", "-n", str(lines), *(["-F"] if follow else []), str(log)]
    os.execvp(arguments[0], arguments)


@app.command("settle")
def settle(context: typer.Context) -> None:
    """Wait until the stack is done with starting: until its processes are quiet, for three minutes at most."""
    session = _session(context)
    pids = [info.pid for info in session.supervisor.processes().values() if info.pid]

    def say(text: str) -> None:
        session.console.print(text, highlight=False)

    if not load.settle(lambda: load.cpu_seconds(pids), say):
        say("It is still busy; the first answers will be slow.")


@app.command()
def demo(
    context: typer.Context,
    *,
    count: Annotated[int, typer.Option(min=20, help="How many webhooks the first step sends.")] = 200,
    rate: Annotated[float, typer.Option(min=0, help="How many of them a second; 0: as fast as answers come.")] = 50,
    fast: Annotated[bool, typer.Option("--fast", help="Only traffic and its balance in Gold.")] = False,
) -> None:
    """Show on the running stack what it does: traffic, a trace, outages, a quarantine, and Gold to the cent.

    Ends with 1 and says what is wrong where something is not as it has to be. May be run again on the same stack.
    """
    session = _session(context)
    pipeline = Pipeline(session)
    pipeline.require_up()
    settle(context)
    settings = environment.shared(session.places, session.ports, session.secrets())
    narrator = Narrator(session.console, STEPS)
    programs = Programs(session.places.venv / "bin", session.places.repository, settings, narrator)
    story = Story(pipeline, programs, narrator, session.places.state / "ledgers")
    if fast:
        story.tell_quickly(Traffic(count, rate))
    else:
        story.tell(Traffic(count, rate))
    addresses(context)


@app.command("clean-state")
def clean_state(context: typer.Context) -> None:
    """Delete data, logs and secrets of the stack, which must be down; the tools stay."""
    session = _session(context)
    shutdown.clean_state(session.places, session.console)


@app.command()
def env(
    context: typer.Context,
    form: Annotated[Form, typer.Option("--format", help="How to print it.")] = Form.SHELL,
) -> None:
    """Print the environment of the services (it holds secrets); in a shell: eval "$(stack env)"."""
    session = _session(context)
    variables = {
        **environment.shared(session.places, session.ports, session.secrets()),
        "PAYMENTS_PORT_OFFSET": str(session.settings.port_offset),
        "OBJECT_STORE": session.settings.object_store.value,
        "KAFKA_BROKERS": str(session.places.brokers),
    }
    if form is Form.JSON:
        typer.echo(json.dumps(variables, indent=2))
    else:
        for name, value in variables.items():
            typer.echo(f"export {name}={shlex.quote(value)}")


@app.command()
def addresses(context: typer.Context) -> None:
    """Show where everything can be opened."""
    session = _session(context)
    table = Table(box=None, show_header=False, padding=(0, 1))
    for name, address in environment.addresses(session.places, session.ports).items():
        table.add_row(name, address)
    session.console.print(table)


@app.command("checksums")
def record_checksums(
    context: typer.Context, tool: Annotated[str, typer.Argument(help="A folder of infra/local/maven.")]
) -> None:
    """Download a tool anew and print the checksums of its files, after a change of version."""
    session = _session(context)
    places = session.places
    if not (places.infra / "maven" / tool / "pom.xml").exists():
        raise StackError(f"There is no infra/local/maven/{tool}/pom.xml.")
    with tempfile.TemporaryDirectory(prefix="payments-checksums-") as scratch:
        task = Task(tool, places.setup_logs / f"checksums-{tool}.log", threading.Event())
        MavenTool(places, tool, session.java_home()).download(task, Path(scratch))
        typer.echo(checksums.listing(Path(scratch)), nl=False)
