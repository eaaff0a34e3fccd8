"""Which transactions that could not be committed are lost, of those that Flink's committers count.

A job that goes on from a checkpoint commits once more what that checkpoint names. Most of it had been committed before,
and some of that cannot be committed twice: its transactional id has been taken again since, and the broker refuses.
Flink counts it as failed, and cannot tell it from a transaction that the broker has aborted. But the broker aborts one
only when it is older than its timeout. So what fails at a recovery is lost if the checkpoint was that old, and whatever
fails later is lost.

What had failed before a running job was found can have failed at its last recovery or later: it counts as at the
recovery, so that it is lost where the job had gone on from too old a checkpoint, and else counts as harmless.
"""

from datetime import datetime, timedelta

FAILED = "failedCommittables"
"""Flink's counter. https://nightlies.apache.org/flink/flink-docs-release-2.3/docs/ops/metrics/#io"""
# The job manager fetches counters from the tasks every ten seconds.
_SETTLED = timedelta(seconds=30)


class Losses:
    """Counts lost transactions of one job; `timeout` is that of its transactions."""

    def __init__(self, timeout: timedelta) -> None:
        self._timeout = timeout
        self._recovered_at: datetime | None = None
        self._harmless = 0.0
        self._all_count = False

    def recovered(self, now: datetime, checkpointed_at: datetime | None, restored_at: datetime | None = None) -> None:
        """Note that the job goes on, or begins, at what was true at `checkpointed_at`; its counters begin at zero.

        Args:
            now: When it is noted.
            checkpointed_at: None where the job begins anew, or where nobody knows.
            restored_at: When the job went back to that, where it was before now.
        """
        self._recovered_at = now
        self._harmless = 0.0
        self._all_count = checkpointed_at is not None and (restored_at or now) - checkpointed_at > self._timeout

    def count(self, now: datetime, failed: float) -> float:
        """Return how many of the `failed` transactions are lost."""
        if self._recovered_at is None:
            self.recovered(now, None)
        if self._recovered_at is not None and now - self._recovered_at <= _SETTLED and not self._all_count:
            self._harmless = failed
        return max(0.0, failed - self._harmless)
