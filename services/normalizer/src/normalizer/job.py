"""What the job manager says about a job, and what to make of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# https://nightlies.apache.org/flink/flink-docs-release-2.3/docs/internals/job_scheduling/#jobmanager-data-structures
ENDED = frozenset({"FINISHED", "CANCELED", "FAILED", "SUSPENDED"})
ENDING = frozenset({"CANCELLING", "FAILING"})
BEGINNING = frozenset({"INITIALIZING"})
"""A job that the job manager makes ready, as after its own restart; it can be asked for nothing yet."""


@dataclass(frozen=True, slots=True)
class JobSummary:
    """A job in the cluster's list."""

    id: str
    name: str
    state: str


@dataclass(frozen=True, slots=True)
class Restoration:
    """What a job has gone back to, and when: the number of the snapshot, and where that was."""

    number: int
    at: datetime
    path: str


@dataclass(frozen=True, slots=True)
class JobView:
    """One look at the job: its state, its tasks' states, its checkpoints and how often it has gone back to one.

    A job manager that has been restarted begins the job once more, and counts from the start.
    """

    state: str
    began_at: datetime
    tasks: tuple[str, ...]
    checkpoints_completed: int
    restored: int
    checkpointed_at: datetime | None
    restoration: Restoration | None = None


class Phase(StrEnum):
    """What the watcher makes of a job."""

    STARTING = "starting"
    READY = "ready"
    STALLED = "stalled"
    RECOVERING = "recovering"
    STOPPED = "stopped"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A phase with its reason in words."""

    phase: Phase
    reason: str


def judge(view: JobView, *, now: datetime, stall: timedelta) -> Verdict:
    """Return whether the job does its work.

    Ready means that committed output can appear: all tasks run and checkpoints, which commit it, complete.
    """
    if view.state in ENDED:
        return Verdict(Phase.ENDED, f"the job is {view.state}")
    if view.state != "RUNNING":
        phase = Phase.STARTING if view.state in {"CREATED", "INITIALIZING"} else Phase.RECOVERING
        return Verdict(phase, f"the job is {view.state}")
    idle = [state for state in view.tasks if state != "RUNNING"]
    if idle or not view.tasks:
        phase = Phase.RECOVERING if view.checkpoints_completed else Phase.STARTING
        return Verdict(phase, f"{len(idle)} of {len(view.tasks)} task groups do not run yet")
    if not view.checkpoints_completed or view.checkpointed_at is None:
        return Verdict(Phase.STARTING, "no checkpoint is complete yet")
    age = now - view.checkpointed_at
    if age > stall:
        return Verdict(Phase.STALLED, f"the last checkpoint completed {age.total_seconds():.0f} s ago")
    return Verdict(Phase.READY, "the job runs")


def runs(view: JobView) -> bool:
    """Return whether all tasks of the job run."""
    return view.state == "RUNNING" and bool(view.tasks) and all(state == "RUNNING" for state in view.tasks)


def living(jobs: tuple[JobSummary, ...], name: str) -> tuple[JobSummary, ...]:
    """Return the jobs of that name that still live, those on their way out included."""
    return tuple(job for job in jobs if job.name == name and job.state not in ENDED)
