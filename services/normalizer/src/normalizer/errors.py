"""What can go wrong while the job is started and watched; each belongs to one of the kit's families.

Transient
└── ClusterAway        the job manager or the object store does not answer
Fault
├── UnusableScript     the generated SQL cannot be read or filled in
├── RefusedRequest     the job manager refuses
├── SubmissionFailed   Flink does not take the job
├── TooManyUnusable    so many messages cannot be used that it is not their fault
└── JobEnded           the job that is watched runs no more
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


class TooManyUnusable(Fault):
    """So many messages could not be used of late that something else must be wrong."""


class JobEnded(Fault):
    """The job that this process watches runs no more, and nobody here has stopped it."""
