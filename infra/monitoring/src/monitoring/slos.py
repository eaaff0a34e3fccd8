"""The targets of the pipeline as objectives: which share of events has to meet each, and how that is measured."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Slo:
    """An objective.

    Args:
        name: The value of the label `slo`.
        objective: The share of events that has to be good, below 1.
        target: What is promised, in words.
        good: PromQL for how many events of a window were good; `WINDOW` stands for the window.
        events: The same for how many there were.
        bound: Of an objective about time, how many seconds an event may take.
    """

    name: str
    objective: float
    target: str
    good: str
    events: str
    bound: float | None = None

    @property
    def budget(self) -> float:
        """The share of events that may be bad."""
        return round(1 - self.objective, 6)


def _within(name: str, objective: float, target: str, histogram: str, *, bound: str, missed: str = "") -> Slo:
    """Return an objective for a histogram. `bound` is one of its buckets; `missed` counts events that are not in it."""
    events = f"sum(increase({histogram}_count[WINDOW]))"
    return Slo(
        name=name,
        objective=objective,
        target=target,
        good=f'sum(increase({histogram}_bucket{{le="{bound}"}}[WINDOW]))',
        events=f"({events} + (sum(increase({missed}[WINDOW])) or vector(0)))" if missed else events,
        bound=float(bound),
    )


_FAILED: Final = "sum(increase(temporal_workflow_failed_total[WINDOW]))"
# Either series begins with the first workflow of a process that ends so: none has to have succeeded since a restart.
_SUCCEEDED: Final = f"(sum(increase(temporal_workflow_completed_total[WINDOW])) or 0 * {_FAILED})"

SLOS: Final = (
    _within(
        "acknowledgement",
        0.99,
        "99 % of authentic webhooks are acknowledged by Kafka within 50 ms; one that got 503, or 500 for a"
        " defect of the gateway, was not",
        "gateway_acknowledgement_seconds",
        bound="0.05",
        missed='gateway_webhooks_total{outcome=~"unavailable|failed"}',
    ),
    # The outline has 200 ms from Kafka to Kafka. What can be seen of every event begins at the gateway: 50 ms more.
    _within(
        "normalization",
        0.99,
        "99 % of normalized events can be read within 250 ms of their webhook: 50 ms to Kafka, 200 ms through Flink",
        "orchestrator_webhook_to_normalized_seconds",
        bound="0.25",
    ),
    Slo(
        name="validation",
        objective=0.99,
        target="99 % of events that have a mapping pass validation",
        good="sum(increase(normalizer_normalized_total[WINDOW]))",
        events="(sum(increase(normalizer_normalized_total[WINDOW]))"
        " + sum(increase(normalizer_rejected_total[WINDOW])))",
    ),
    _within(
        "workflow_duration",
        0.95,
        "95 % of normalized events have their row in Bronze within 2 s",
        "orchestrator_normalized_to_bronze_seconds",
        bound="2.0",
    ),
    Slo(
        name="workflow_success",
        objective=0.995,
        target="99.5 % of workflows end with success",
        good=_SUCCEEDED,
        events=f"({_SUCCEEDED} + ({_FAILED} or vector(0)))",
    ),
    _within(
        "freshness",
        0.99,
        "99 % of rows are in Bronze within 30 s of their webhook",
        "orchestrator_webhook_to_bronze_seconds",
        bound="30.0",
    ),
)
