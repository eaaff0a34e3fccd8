"""Structured logs: one line per event, as JSON or for a console, from structlog and the standard library alike.

Each line has the name of what happened as `event`; what a library says has the name `library`, and its words as
`message`. Of a flood of one kind the first lines of each ten seconds are shown, the next one says how many were not
(`left_out`). Card numbers, secrets and addresses that got into a line are taken out of it.
"""

import logging
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final, Literal

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from kit.redaction import quoting, redact, without_quotes
from kit.sampling import Sampler

Format = Literal["json", "console"]

_BRIDGED = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")
_TALKATIVE = ("httpx", "httpcore", "asyncio", "pyiceberg")
LIBRARY: Final = "library"
"""The name of each line that says what a library has to say."""
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
# Numbers and ids make each text of a library another one.
_VARYING: Final = re.compile(r"[0-9a-f-]*\d[0-9a-f-]*")
_TELLING: Final = 80


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
    sampler = Sampler()
    structlog.configure(
        processors=[_sampling(sampler), *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(), _drop_color_message, _name_library],
            processors=_renderers(fmt),
        )
    )
    handler.addFilter(_foreign_filter(sampler))
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


def _name_library(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    # Our own code says a name where it has to use the standard library's loggers, as workflows do.
    if _NAME.fullmatch(said := str(event["event"])) is None:
        event["event"], event["message"] = LIBRARY, said
    return event


def _sampling(sampler: Sampler) -> Processor:
    def sample(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        left_out = sampler.admit(str(getattr(logger, "name", "")), method, str(event["event"]))
        if left_out is None:
            raise structlog.DropEvent
        if left_out:
            event["left_out"] = left_out
        return event

    return sample


def _foreign_filter(sampler: Sampler) -> Callable[[logging.LogRecord], bool]:
    def admit(record: logging.LogRecord) -> bool:
        if isinstance(record.msg, dict):
            # It has been through structlog, and was asked about there.
            return True
        kind = _VARYING.sub("#", str(record.msg))[:_TELLING]
        left_out = sampler.admit(record.name, record.levelname, kind)
        if left_out:
            record.left_out = left_out
        return left_out is not None

    return admit


def _renderers(fmt: Format) -> list[Processor]:
    drop_meta: Processor = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    # Local variables may hold payloads and secrets.
    tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)

    def told(exc_info: ExcInfo) -> list[dict[str, Any]]:
        return without_quotes(tracebacks(exc_info), quoting(exc_info[1]))

    shown: list[Processor] = [drop_meta, structlog.processors.ExceptionRenderer(told), redact]
    if fmt == "json":
        return [*shown, structlog.processors.JSONRenderer()]
    renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    return [*shown, _write_exception, renderer]


def _write_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    if isinstance(chain := event.get("exception"), list):
        event["exception"] = "\n".join(_lines(chain))
    return event


def _lines(chain: list[Any]) -> Iterator[str]:
    """Yield exceptions as Python writes them, the first cause first, without lines of code."""
    for told in reversed(chain):
        if not isinstance(told, dict):
            yield str(told)
            continue
        for frame in told["frames"]:
            yield f'  File "{frame["filename"]}", line {frame["lineno"]}, in {frame["name"]}'
        yield f"{told['exc_type']}: {told['exc_value']}"
        yield from told["exc_notes"]
        for member in told["exceptions"]:
            yield from (f"  | {line}" for line in _lines(member))
