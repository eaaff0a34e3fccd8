"""Asks several parts at once, and waits for none of them longer than it is told."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog
from kit.errors import PipelineError

from operations.errors import UnavailableError

_log = structlog.get_logger(__name__)
T = TypeVar("T")


class Asked(Generic[T]):
    """A question on its way. Its thread is a daemon: a server that hangs does not keep the program from its end."""

    def __init__(self, question: Callable[[], T]) -> None:
        self.began = time.monotonic()
        self._question = question
        self._answer: list[T] = []
        self._error: Exception | None = None
        self._ended: float | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def took(self) -> float:
        """Seconds from the question to its answer, or until now where that has not come."""
        return (time.monotonic() if self._ended is None else self._ended) - self.began

    def get(self, deadline: float) -> T:
        """Return the answer.

        Args:
            deadline: Until when to wait, by `time.monotonic`.

        Raises:
            TimeoutError: It has not come by then.
            Exception: What the question raised.
        """
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._error is not None:
            raise self._error
        if not self._answer:
            raise TimeoutError
        return self._answer[0]

    def _run(self) -> None:
        try:
            self._answer.append(self._question())
        except Exception as error:  # noqa: BLE001  # it is raised where the answer is asked for
            self._error = error
        finally:
            self._ended = time.monotonic()


class Parts:
    """Remembers which parts are away, by name, with why.

    Args:
        seconds: How long each answer may take.
    """

    def __init__(self, seconds: float) -> None:
        self.away: dict[str, str] = {}
        self._seconds = seconds

    def get(self, part: str, asked: Asked[T], default: T) -> T:
        """Return the answer of a part, or a default where it is away; a defect of ours is raised."""
        try:
            return asked.get(asked.began + self._seconds)
        except TimeoutError:
            self.away.setdefault(part, f"no answer within {self._seconds:g} s")
        except PipelineError as error:
            self.away.setdefault(part, str(error))
        return default


def guarded(part: str, question: Callable[[], T]) -> T:
    """Return the answer; a defect of ours in one question is logged, for all others are still worth asking.

    Raises:
        PipelineError: What the question raised, or that it has a defect.
    """
    try:
        return question()
    except PipelineError:
        raise
    except Exception as error:
        _log.exception("question_failed", part=part)
        raise UnavailableError(f"{type(error).__name__}, see the log") from error
