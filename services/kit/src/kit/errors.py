"""The three families of failure. Whoever catches one knows what to do without knowing where it came from.

PipelineError
├── Rejected    the data is wrong: to a dead-letter topic, never retried
├── Transient   something outside is away or slow: retried, back-pressure
└── Fault       a bug or a misconfiguration: crash loudly
"""


class PipelineError(Exception):
    """Base of the families; raise one of them, never this."""


class Rejected(PipelineError):  # noqa: N818  # the family's name, as design.md has it
    """The data is wrong and will stay wrong.

    `detail` says what is wrong, without values of the data; `reason_code` says it for machines.
    """

    def __init__(self, detail: str, reason_code: str = "rejected") -> None:
        super().__init__(detail)
        self.detail = detail
        self.reason_code = reason_code


class Transient(PipelineError):  # noqa: N818  # the family's name, as design.md has it
    """Something outside is away or slow; the same call may succeed later.

    `retry_after_seconds` is how long to wait, where whoever raises it can tell.
    """

    def __init__(self, detail: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class Fault(PipelineError):  # noqa: N818  # the family's name, as design.md has it
    """A bug or a misconfiguration; the message says what is wrong and what to do."""


def gravest(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return, of what went wrong side by side, what should be told: a Fault first, what may pass last."""
    leaves = [gravest(error) if isinstance(error, BaseExceptionGroup) else error for error in group.exceptions]
    return min(leaves, key=lambda error: {Fault: 0, Rejected: 2, Transient: 2}.get(type(error), 1))
