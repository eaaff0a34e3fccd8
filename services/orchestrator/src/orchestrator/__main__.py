"""The `orchestrator` command."""

import asyncio
import signal
import sys
from typing import Annotated

import structlog
import typer
import uvloop
from kit.clock import utc_now
from kit.errors import PipelineError
from kit.logging import configure
from kit.settings import load
from temporalio import activity, workflow

from orchestrator.program import run as run_program
from orchestrator.roles import Assignment, Role
from orchestrator.settings import CommitterSettings, ConsumerSettings, ProgramSettings, WorkerSettings

app = typer.Typer(
    rich_markup_mode="markdown",
    help="Runs one durable workflow per payment event.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def orchestrator() -> None:
    """Run one durable workflow per payment event."""


@app.command()
def run(
    role: Annotated[
        list[Role] | None,
        typer.Option(help="A role of this process; may be given several times. Without it, the process has all."),
    ] = None,
) -> None:
    """Start workflows for normalized events, run them, and commit their rows.

    Together in one process the roles cost least. For more than one process can do: one committer for the table, and
    as many consumers and workers as needed.
    """
    roles = frozenset(role or Role)
    assignment = Assignment(
        program=load(ProgramSettings),
        consumer=load(ConsumerSettings) if Role.CONSUMER in roles else None,
        worker=load(WorkerSettings) if Role.WORKER in roles else None,
        committer=load(CommitterSettings) if Role.COMMITTER in roles else None,
    )
    configure("orchestrator", assignment.program.log_level, assignment.program.log_format)
    # A line has the name of what happened, and which workflow it is about beside it, not within.
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False
    log = structlog.get_logger("orchestrator")

    async def until_told() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        log.info("started", roles=sorted(roles))
        await run_program(assignment, utc_now, stop)
        log.info("stopped")

    try:
        uvloop.run(until_told())
    except PipelineError as error:
        log.error("gave_up", family=type(error).__name__, reason=str(error))  # noqa: TRY400  # the message says it all
        sys.exit(1)


def main() -> None:
    """Run the command."""
    app()


if __name__ == "__main__":
    main()
