"""`payments console`: the web page."""

import os
from contextlib import ExitStack
from typing import Annotated

import typer
from kit.clock import utc_now
from kit.http import serve
from kit.logging import configure
from kit.settings import load
from pydantic import SecretStr

from operations.console.access import Sessions
from operations.console.app import Desk, build_app
from operations.console.board import Board
from operations.console.pages import Pages
from operations.console.runs import Runs
from operations.console.settings import LEAST_TOKEN, ConsoleSettings
from operations.recovery.session import open_session

app = typer.Typer(rich_markup_mode="markdown")


@app.callback()
def _commands() -> None:
    """Show the pipeline on a web page."""


@app.command()
def console(
    *,
    token_env: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Environment variable with the token, in place of CONSOLE_TOKEN."),
    ] = None,
) -> None:
    """Show health, latency, lag, quarantine, events and their traces on a web page, at HTTP_HOST and HTTP_PORT.

    It only reads, unless CONSOLE_TOKEN is set: who knows it may try quarantined events and send them again, on record.
    Runs until SIGTERM or SIGINT; a redrive that is under way ends after its batch.
    """
    settings = load(ConsoleSettings)
    token = settings.console_token if token_env is None else _token(token_env)
    configure("console", settings.log_level, settings.log_format)
    with ExitStack() as resources:
        desk = Desk(
            Board(settings, resources, utc_now),
            Runs(lambda: open_session(settings.recovery), utc_now),
            Sessions(token, utc_now),
            Pages(),
            utc_now,
        )
        serve(build_app(desk, settings.hosts), settings.http_host, settings.http_port)


def _token(name: str) -> SecretStr:
    token = os.environ.get(name, "")
    if len(token) < LEAST_TOKEN:
        raise typer.BadParameter(f"{name} has to hold a token of at least {LEAST_TOKEN} characters")
    return SecretStr(token)
