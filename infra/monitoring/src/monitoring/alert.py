"""What an alert is."""

from dataclasses import dataclass
from enum import StrEnum

RUNBOOK = "docs/runbooks.md"


class Severity(StrEnum):
    """What is expected of whoever gets an alert: to come now, or within the working day."""

    PAGE = "page"
    TICKET = "ticket"


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert.

    Args:
        name: As in the run-book's heading.
        severity: Who is disturbed.
        expr: PromQL that has a value while something is wrong.
        lasting: For how long that must be so.
        summary: One line; may name labels and the value by Prometheus' templates.
        description: What it means, and what is not harmed.
    """

    name: str
    severity: Severity
    expr: str
    lasting: str
    summary: str
    description: str

    @property
    def runbook(self) -> str:
        """The path of its section in the run-book."""
        return f"{RUNBOOK}#{self.name.lower()}"


def grown(counter: str, window: str) -> str:
    """Return PromQL that has a value where a counter has grown within a window.

    A series whose first value is 1 has not grown for `increase`, which knows no zero before it.
    """
    return f"(increase({counter}[{window}]) > 0 or ({counter} > 0 unless {counter} offset {window}))"


def last(gauge: str, offset: str = "") -> str:
    """Return PromQL for what `payments watch` last said of a part within two minutes.

    A part that answers one look late has no value in it, by which the time of an alert that waits would begin anew. One
    that is away for longer is told by `PartDown`.
    """
    return f"last_over_time({gauge}[2m]{offset})"
