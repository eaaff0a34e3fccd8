"""What Prometheus and the Alertmanager tell: latency by hop, how often a target was missed, which alerts fire."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import httpx
from kit.answers import promised

from operations.errors import UnavailableError

HOPS: Final[Mapping[str, tuple[str, str, str | None]]] = {
    "acknowledged": ("webhook to Kafka", "gateway_acknowledgement_seconds", "acknowledgement"),
    "normalized": ("webhook to normalized", "orchestrator_webhook_to_normalized_seconds", "normalization"),
    "scored": ("normalized to Bronze", "orchestrator_normalized_to_bronze_seconds", "workflow_duration"),
    "whole": ("webhook to Bronze", "orchestrator_webhook_to_bronze_seconds", "freshness"),
}
"""Each hop by its name: what it is called, its histogram, and the objective about it."""
SHARES: Final = (0.5, 0.95, 0.99)
WINDOW: Final = "5m"


def quantiles() -> str:
    """Return the PromQL of every quantile of every hop, labelled by `hop` and `share`."""
    return " or ".join(
        _named(f"histogram_quantile({share}, sum by (le) (rate({histogram}_bucket[{WINDOW}])))", hop, str(share))
        for hop, (_, histogram, _) in HOPS.items()
        for share in SHARES
    )


def counts() -> str:
    """Return the PromQL of how many events came past each hop, labelled by `hop`."""
    return " or ".join(
        _named(f"sum(increase({histogram}_count[{WINDOW}]))", hop, "") for hop, (_, histogram, _) in HOPS.items()
    )


MISSED: Final = "slo:error_ratio:1h"
BUDGET: Final = "slo:error_budget"
LAST_UP: Final = (
    "max by (job) (max_over_time((timestamp(up == 1))[6h:15s]))",
    "max by (part) (max_over_time((timestamp(watch_part_up == 1))[6h:15s]))",
)
"""When each program was last seen by Prometheus, by its job, and each server by `payments watch`, by its part."""


def _named(expression: str, hop: str, share: str) -> str:
    return f'label_replace(label_replace({expression}, "hop", "{hop}", "", ""), "share", "{share}", "", "")'


@dataclass(frozen=True, slots=True)
class Hop:
    """A hop within the last five minutes.

    Attributes:
        title: Which it is.
        events: How many came past it.
        seconds: Quantiles by their share; none where no event came.
        missed: The share of events of the last hour that missed the hop's objective; None where there were none.
        budget: The share that may.
    """

    title: str
    events: float
    seconds: Mapping[float, float] = field(default_factory=dict)
    missed: float | None = None
    budget: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether more events missed the objective than may."""
        return self.missed is not None and self.budget is not None and self.missed > self.budget


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert that fires. `since` is UTC."""

    name: str
    severity: str
    summary: str
    runbook: str | None
    since: datetime


class Prometheus:
    """Asks Prometheus over its HTTP API (https://prometheus.io/docs/prometheus/latest/querying/api/)."""

    def __init__(self, client: httpx.Client) -> None:
        """`client` has the address."""
        self._client = client

    def hops(self) -> list[Hop]:
        """Return all hops.

        Raises:
            UnavailableError: Prometheus does not answer.
        """
        values = {(each["hop"], each["share"]): number for each, number in self._ask(quantiles())}
        events = {each["hop"]: number for each, number in self._ask(counts())}
        missed = {each["slo"]: number for each, number in self._ask(MISSED)}
        budgets = {each["slo"]: number for each, number in self._ask(BUDGET)}
        return [
            Hop(
                title,
                events.get(hop, 0.0),
                {share: values[hop, str(share)] for share in SHARES if (hop, str(share)) in values},
                missed.get(slo or ""),
                budgets.get(slo or ""),
            )
            for hop, (title, _, slo) in HOPS.items()
        ]

    def last_up(self) -> Mapping[str, datetime]:
        """Return when each part was last seen up, by its name; of six hours, to a quarter of a minute.

        Raises:
            UnavailableError: Prometheus does not answer.
        """
        found: dict[str, datetime] = {}
        for query in LAST_UP:
            for labels, seconds in self._ask(query):
                (name,) = labels.values()
                at = datetime.fromtimestamp(seconds, UTC)
                found[name] = max(at, found.get(name, at))
        return found

    def _ask(self, query: str) -> list[tuple[Mapping[str, str], float]]:
        """Return each series' labels and value; what is not a number says that there was nothing."""
        answer = content(self._client, "Prometheus", "/api/v1/query", {"query": query})
        with promised("Prometheus", failure=UnavailableError):
            found = [(each["metric"], float(each["value"][1])) for each in answer["data"]["result"]]
        return [(labels, number) for labels, number in found if math.isfinite(number)]


def firing(client: httpx.Client) -> list[Alert]:
    """Return the alerts that fire, those that call somebody first.

    Raises:
        UnavailableError: The Alertmanager does not answer.
    """
    answer = content(client, "The Alertmanager", "/api/v2/alerts", {"active": "true", "silenced": "false"})
    with promised("The Alertmanager", failure=UnavailableError):
        alerts = [_alert(each) for each in answer]
    return sorted(alerts, key=lambda each: (each.severity != "page", each.since))


def _alert(told: Mapping[str, Any]) -> Alert:
    labels, annotations = told["labels"], told["annotations"]
    return Alert(
        labels.get("alertname", "unnamed"),
        labels.get("severity", "unknown"),
        annotations.get("summary") or annotations.get("description") or "",
        annotations.get("runbook"),
        datetime.fromisoformat(told["startsAt"]),
    )


def content(client: httpx.Client, who: str, path: str, parameters: Mapping[str, str] | None = None) -> Any:
    """Return what a server answers, as JSON.

    Raises:
        UnavailableError: It does not answer, or with something else.
    """
    try:
        answer = client.get(path, params=dict(parameters or {})).raise_for_status()
    except httpx.HTTPStatusError as error:
        raise UnavailableError(f"{who} answers {error.response.status_code}") from error
    except httpx.HTTPError as error:
        raise UnavailableError(f"{who} does not answer ({type(error).__name__})") from error
    with promised(who, answer, UnavailableError):
        return answer.json()


def quoted(shares: Sequence[float] = SHARES) -> list[str]:
    """Return the quantiles' names: p50, p95, p99."""
    return [f"p{share * 100:g}" for share in shares]
