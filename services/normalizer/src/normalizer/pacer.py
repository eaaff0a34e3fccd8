"""Checkpoints on demand: the job is asked for one when it has written what no reader sees yet.

What the job writes becomes visible with the next checkpoint, so by their interval alone checkpoints would have to
come many times a second, all day, for the sake of the few moments in which there is news.
"""

from collections.abc import Callable
from threading import Event
from typing import Protocol

import structlog
from kit.errors import Fault, Transient

from normalizer.cluster import Cluster
from normalizer.errors import RefusedRequest

log = structlog.get_logger(__name__)

WAIT_S = 1.0
LOOK_S = 0.02
LONGEST_CHECKPOINT_S = 2.0


class News(Protocol):
    """The end of the topics that the job writes, as far as it is the job that writes."""

    def wait(self, timeout_seconds: float) -> int:
        """Return how many records have been written, as soon as there are any, or 0 after the timeout."""


class Pacer:
    """Asks for checkpoints of the job that it is told to follow, at least `spacing_s` seconds apart.

    While news come faster than that, the one asked for before must be complete: the job manager would put requests
    into a queue and work it off long after the last news. A request that fails is not repeated: the next record, or
    the job's own interval, brings the next checkpoint.
    """

    def __init__(
        self, news: News, cluster: Cluster, *, spacing_s: float, monotonic: Callable[[], float], stop: Event
    ) -> None:
        self._news = news
        self._cluster = cluster
        self._spacing_s = spacing_s
        self._monotonic = monotonic
        self._stop = stop
        self._job_id: str | None = None
        self._request: tuple[str, str] | None = None
        self._asked_at = float("-inf")
        self._complained = False
        self._fault: Fault | None = None

    def follow(self, job_id: str | None) -> None:
        """Ask for checkpoints of this job from now on, or of none."""
        self._job_id = job_id

    def check(self) -> None:
        """Raise the Fault that has ended `run`, if one has."""
        if self._fault is not None:
            raise self._fault

    def run(self) -> None:
        """Work until `stop` is set."""
        try:
            while not self._stop.is_set():
                self._turn()
        except Fault as fault:
            self._fault = fault
        except Exception as error:  # without it, checkpoints would be rare for ever and nobody told
            log.exception("pacer_broke")
            self._fault = Fault(f"what asks for checkpoints broke: {type(error).__name__}")

    def _turn(self) -> None:
        try:
            if not self._news.wait(WAIT_S) or self._job_id is None:
                return
            early = self._asked_at + self._spacing_s - self._monotonic()
            if early > 0 and (self._stop.wait(early) or self._await_last()):
                return
            if (job_id := self._job_id) is not None:
                self._asked_at = self._monotonic()
                self._request = None
                self._request = (job_id, self._cluster.checkpoint(job_id))
            self._complained = False
        except (Transient, RefusedRequest) as error:
            if not self._complained:
                log.warning("checkpoints_by_interval", reason=str(error))
            self._complained = True
            self._stop.wait(WAIT_S)

    def _await_last(self) -> bool:
        """Wait until the last request is answered; tell whether to stop."""
        while self._request is not None and self._cluster.is_checkpointing(*self._request):
            if self._monotonic() > self._asked_at + LONGEST_CHECKPOINT_S or self._stop.wait(LOOK_S):
                break
        return self._stop.is_set()
