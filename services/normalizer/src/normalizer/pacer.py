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


class News(Protocol):
    """The end of the topics that the job writes."""

    def wait(self, timeout_seconds: float) -> int:
        """Return how many records have been written, as soon as there are any, or 0 after the timeout."""


class Pacer:
    """Asks for checkpoints of the job that it is told to follow, at least `spacing_s` seconds apart.

    A request that fails is not repeated: the next record, or the job's own interval, brings the next checkpoint.
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

    def _turn(self) -> None:
        try:
            if not self._news.wait(WAIT_S) or self._job_id is None:
                return
            early = self._asked_at + self._spacing_s - self._monotonic()
            if early > 0 and self._stop.wait(early):
                return
            if (job_id := self._job_id) is not None:
                self._asked_at = self._monotonic()
                self._cluster.checkpoint(job_id)
            self._complained = False
        except (Transient, RefusedRequest) as error:
            if not self._complained:
                log.warning("checkpoints come by their interval alone", reason=str(error))
            self._complained = True
            self._stop.wait(WAIT_S)
