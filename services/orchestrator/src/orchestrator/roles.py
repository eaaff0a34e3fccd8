"""The roles of the program: together in one process, or each alone."""

from dataclasses import dataclass
from enum import StrEnum

from orchestrator.settings import CommitterSettings, ConsumerSettings, ProgramSettings, WorkerSettings


class Role(StrEnum):
    """What a process does. A table has one committer, however many consumers and workers there are."""

    CONSUMER = "consumer"
    WORKER = "worker"
    COMMITTER = "committer"


@dataclass(frozen=True, slots=True)
class Assignment:
    """The settings of a process and of each of its roles; None for a role that it does not have."""

    program: ProgramSettings
    consumer: ConsumerSettings | None
    worker: WorkerSettings | None
    committer: CommitterSettings | None
