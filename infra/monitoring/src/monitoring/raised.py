"""Alerts that a program raises itself, by Alertmanager's API, of what it knows and Prometheus need not."""

from dataclasses import dataclass
from typing import Final

from monitoring.alert import Severity


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert of a program; `job`, by which it is told from one of Prometheus, holds the program.

    Args:
        program: Who raises it.
        name: As in the run-book's heading; one that Prometheus has, too, means the same.
        severity: Who is disturbed.
        labels: What it has beside `alertname`, `severity` and `job`.
        description: What it means.
    """

    program: str
    name: str
    severity: Severity
    labels: tuple[str, ...]
    description: str


RAISED: Final = (
    Raised(
        "dagster",
        "QuarantineRateHigh",
        Severity.PAGE,
        (),
        "Of what came to Bronze within a quarter of an hour more than 5 %, and more than 20 events, were quarantined.",
    ),
    Raised(
        "dagster",
        "BronzeStale",
        Severity.PAGE,
        (),
        "Normalized records wait for their rows for more than 30 s, and none comes into Bronze.",
    ),
    Raised("dagster", "AuditDifferences", Severity.PAGE, ("hop",), "The last run of the audit found differences."),
    Raised(
        "dagster",
        "RunFailed",
        Severity.TICKET,
        ("dagster_job",),
        "The last run of a job failed, or was ended because it took too long.",
    ),
)
