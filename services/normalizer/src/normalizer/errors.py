"""What can go wrong while the job is started and watched; each belongs to one of the kit's families.

Transient
└── ClusterAway         the job manager or the object store does not answer
Fault
├── UnusableScript      the generated SQL cannot be read or filled in
├── RefusedRequest      the job manager refuses
├── SubmissionFailed    Flink does not take the job
├── TooManyDeadLetters  so many messages are dead letters that it is not their fault
└── JobEnded            the job that is watched runs no more
    └── JobForgotten    the job manager has been restarted
"""

from kit.errors import Fault, Transient


class ClusterAway(Transient):
    """The job manager or the object store does not answer; worth another attempt."""


class UnusableScript(Fault):
    """The generated SQL cannot be read, or asks for a value that nobody gives."""


class RefusedRequest(Fault):
    """The job manager answers that it will not do what was asked."""


class SubmissionFailed(Fault):
    """Flink did not take the job."""


class TooManyDeadLetters(Fault):
    """So many messages could not be used, or were rejected, of late that something else must be wrong."""


class JobEnded(Fault):
    """The job that this process watches runs no more, and nobody here has stopped it."""


class JobForgotten(JobEnded):
    """The job manager does not know the job: it has been restarted, and keeps jobs in memory alone."""
