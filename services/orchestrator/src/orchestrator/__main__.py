"""The `orchestrator` command."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine

import structlog
import typer
from kit.clock import utc_now
from kit.errors import PipelineError
from kit.logging import configure
from kit.settings import LogSettings, load

from orchestrator.consumer import run_consumer
from orchestrator.settings import ConsumerSettings, WorkerSettings
from orchestrator.worker import run_worker

app = typer.Typer(help="Runs one durable workflow per payment event.", no_args_is_help=True, add_completion=False)


@app.command()
def consumer() -> None:
    """Start a workflow for every normalized event."""
    settings = load(ConsumerSettings)
    _serve("orchestrator-consumer", settings, lambda stop: run_consumer(settings, stop))


@app.command()
def worker() -> None:
    """Run the workflows and their activities."""
    settings = load(WorkerSettings)
    _serve("orchestrator-worker", settings, lambda stop: run_worker(settings, utc_now, stop))


def main() -> None:
    """Run the command."""
    app()


def _serve(service: str, settings: LogSettings, run: Callable[[asyncio.Event], Coroutine[None, None, None]]) -> None:
    configure(service, settings.log_level, settings.log_format)
    log = structlog.get_logger(service)

    async def until_told() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        log.info("started")
        await run(stop)
        log.info("stopped")

    try:
        asyncio.run(until_told())
    except PipelineError as error:
        log.error("gave_up", family=type(error).__name__, reason=str(error))  # noqa: TRY400  # the message says it all
        sys.exit(1)


if __name__ == "__main__":
    main()
