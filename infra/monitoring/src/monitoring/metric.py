"""What is said of a metric: once, for the services' documents, the rules and the dashboards."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of Prometheus; `of` its name are the series that one has."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


_SERIES = {Kind.COUNTER: ("",), Kind.GAUGE: ("",), Kind.HISTOGRAM: ("_bucket", "_count", "_sum")}


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric that a program of ours shows.

    Args:
        program: Who shows it, by the name of the service, or of the library that several of them have.
        name: As Prometheus stores it: a counter's with `_total`, a histogram's without `_bucket`.
        kind: Counter, gauge or histogram.
        unit: What is counted or measured; a gauge that is 1 or 0 has `yes or no`.
        labels: Names of its labels; what each may hold is in `monitoring.labels`.
        meaning: One sentence for a reader of a dashboard.
    """

    program: str
    name: str
    kind: Kind
    unit: str
    labels: tuple[str, ...]
    meaning: str

    @property
    def series(self) -> tuple[str, ...]:
        """The names of its time series."""
        return tuple(f"{self.name}{suffix}" for suffix in _SERIES[self.kind])


@dataclass(frozen=True, slots=True)
class Foreign:
    """A time series that somebody else's program shows, and that a rule or a dashboard reads.

    Args:
        source: Whose it is, with what has to be switched on for it.
        name: Of the series.
        labels: The labels of it that are used here.
        meaning: One sentence.
    """

    source: str
    name: str
    labels: tuple[str, ...]
    meaning: str
