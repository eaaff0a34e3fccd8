"""What a job goes back to each time that it recovers, and what it has lost by that."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from kit.clock import Clock

from normalizer.errors import ClusterAway
from normalizer.job import JobView, Restoration
from normalizer.losses import Losses

log = structlog.get_logger(__name__)

WrittenAt = Callable[[Restoration], datetime | None]


class Recoveries:
    """Notes the recoveries of one job after the other, and counts the transactions that are lost.

    `written_at` tells when that was written which a job went back to before anybody watched it, or None where nothing
    tells; it may raise ClusterAway. `timeout` is that of the job's transactions.
    """

    def __init__(self, written_at: WrittenAt, timeout: timedelta, clock: Clock) -> None:
        self._written_at = written_at
        self._clock = clock
        self._losses = Losses(timeout)
        self._restored = 0
        self._began_at: datetime | None = None
        self._checkpointed_at: datetime | None = None
        self._complained = False

    def begin(self, written_at: datetime | None) -> None:
        """Note that a job has been submitted, and when what it goes on from was written; None where it begins anew."""
        self._checkpointed_at = written_at
        self._losses.recovered(self._clock(), written_at)
        # Flink counts the first recovery, too.
        self._restored = int(written_at is not None)
        self._began_at = None

    def is_new(self, view: JobView) -> bool:
        """Tell whether the job has recovered since it was noted last, or before it was found."""
        return view.restored != self._restored or self._began_at not in {None, view.began_at}

    def note(self, job_id: str, view: JobView) -> None:
        """Note what is seen of the job, as often as it is looked at."""
        # Where the age of its state cannot be asked for now, the next look does: all is left as new as it is.
        if self.is_new(view) and not self._recover(job_id, view):
            return
        self._began_at = view.began_at
        self._checkpointed_at = view.checkpointed_at or self._checkpointed_at

    def lost(self, failed: float) -> float:
        """Return how many of the transactions are lost that could not be committed."""
        return self._losses.count(self._clock(), failed)

    def _recover(self, job_id: str, view: JobView) -> bool:
        back, written_at = view.restoration, self._checkpointed_at
        if written_at is None and back is not None:
            try:
                written_at = self._written_at(back)
            except ClusterAway as error:
                self._complain(job_id, str(error))
                return False
            if written_at is None:
                self._complain(job_id, f"neither {back.path} is there nor what was written just before it")
        self._complained = False
        self._losses.recovered(self._clock(), written_at, back.at if back else None)
        self._restored = view.restored
        return True

    def _complain(self, job_id: str, reason: str) -> None:
        if not self._complained:
            log.warning("state_age_unknown", job_id=job_id, reason=reason)
        self._complained = True
