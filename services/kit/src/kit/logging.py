"""Structured logs: one line per event, as JSON or for a console, from structlog and the standard library alike."""

import logging
import sys
from typing import Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

Format = Literal["json", "console"]

_BRIDGED = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")
_TALKATIVE = ("httpx", "httpcore", "asyncio")


def configure(service: str, level: str = "INFO", fmt: Format = "json") -> None:
    """Send every log of the process to standard error, each line carrying the service's name.

    Args:
        service: Name of the program, as in `gateway-stripe`.
        level: Name of a level of the standard library, in any case.
        fmt: `json` for machines, `console` for people.

    Raises:
        ValueError: The level has no such name.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"LOG_LEVEL is {level!r}; it has to be one of {sorted(logging.getLevelNamesMapping())}.")
    shared = _shared(service)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(), _drop_color_message], processors=_renderers(fmt)
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(number)
    for name in _BRIDGED:
        bridged = logging.getLogger(name)
        bridged.handlers = []
        bridged.propagate = True
    for name in _TALKATIVE:
        # They log each request at INFO.
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


def _shared(service: str) -> list[Processor]:
    def add_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return [
        structlog.contextvars.merge_contextvars,
        add_service,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _drop_color_message(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    # uvicorn says everything twice, the second time with colours.
    event.pop("color_message", None)
    return event


def _renderers(fmt: Format) -> list[Processor]:
    drop_meta: Processor = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    # Local variables may hold payloads and secrets.
    tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    if fmt == "json":
        return [drop_meta, structlog.processors.ExceptionRenderer(tracebacks), structlog.processors.JSONRenderer()]
    renderer = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    return [drop_meta, renderer]
