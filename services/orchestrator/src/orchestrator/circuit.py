"""A circuit breaker for each model: one that is away or hangs is not asked by every event anew."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from kit.errors import Fault, PipelineError
from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState

from orchestrator import metrics

_log = structlog.get_logger(__name__)


class Unavailable(PipelineError):  # noqa: N818  # as the families of kit.errors
    """The model is not asked: it has failed too often lately. Whoever asks uses the fallback at once."""


class Circuits:
    """One circuit for each model of this process.

    A circuit opens after `threshold` failures without a success between them. After `open_seconds` the next requests
    go through again; the first success closes it, the first failure opens it anew.

    Args:
        threshold: Failures in a row.
        open_seconds: How long the model is left alone.
    """

    def __init__(self, *, threshold: int = 5, open_seconds: float = 15.0) -> None:
        # A model that refuses a request's form is there: that is a Fault, and no reason to leave it alone.
        self._breakers = AsyncCircuitBreakerFactory(
            default_threshold=threshold, default_ttl=open_seconds, exclude=[Fault]
        )
        self._breakers.add_listener(_note)

    @asynccontextmanager
    async def asking(self, model: str) -> AsyncIterator[None]:
        """Let one request through.

        Raises:
            Unavailable: The circuit is open.
        """
        try:
            async with await self._breakers.get_breaker(model):
                yield
        except OpenedState as error:
            # The library raises one and the same object each time, whose trace would grow with every event.
            error.__traceback__ = None
            raise Unavailable(f"{model} has failed too often lately and is not asked") from None


def _note(model: str, event_name: str, event: Any) -> None:
    if event_name == "state_changed":
        metrics.CIRCUIT_OPEN.labels(model).set(event.state == "opened")
        if event.state != "half-opened":
            _log.warning("circuit_changed", model=model, state=event.state)
