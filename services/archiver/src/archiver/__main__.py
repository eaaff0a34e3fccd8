"""The `archiver` command."""

import signal
import sys
import threading

import structlog
from kit.clock import utc_now
from kit.errors import PipelineError
from kit.logging import configure
from kit.settings import load

from archiver.app import run
from archiver.settings import Settings


def main() -> None:
    """Archive until SIGTERM or SIGINT; what was read is committed first."""
    settings = load(Settings)
    configure("archiver", settings.log_level, settings.log_format)
    log = structlog.get_logger("archiver")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    log.info("started")
    try:
        run(settings, utc_now, stop)
    except PipelineError as error:
        log.error("gave_up", family=type(error).__name__, reason=str(error))  # noqa: TRY400  # the message says it all
        sys.exit(1)
    log.info("stopped")


if __name__ == "__main__":
    main()
