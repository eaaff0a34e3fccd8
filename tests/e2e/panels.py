"""The queries of all panels, as Grafana would send them, and what the running Prometheus answers."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx

from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

DASHBOARDS: Final = ROOT / "infra" / "monitoring" / "dashboards"
STEP_SECONDS: Final = 15
# What Grafana puts in the place of its variables: all providers, and four times the `timeInterval` of the data source.
_VARIABLES: Final = {"$provider": ".*", "$__rate_interval": "60s"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of a panel."""

    page: str
    panel: str
    legend: str
    expr: str

    def __str__(self) -> str:
        return f"{self.page}: {self.panel}: {self.legend or 'its only series'}"


def asked() -> Iterator[Asked]:
    """Yield each query of the pages that Grafana loads."""
    for path in sorted(DASHBOARDS.glob("*.json")):
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            for target in panel.get("targets") or ():
                yield Asked(path.stem, panel["title"], target.get("legendFormat", ""), _resolved(target["expr"]))


def _resolved(expr: str) -> str:
    for name, value in _VARIABLES.items():
        expr = expr.replace(name, value)
    assert "$" not in expr, f"a variable that is not known here: {expr}"
    return expr


class Prometheus:
    """The running Prometheus, asked over its HTTP API."""

    def __init__(self, port: int) -> None:
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def range(self, expr: str, since: datetime, until: datetime) -> list[tuple[Mapping[str, str], list[float]]]:
        """Return labels and values of each series that a page over this time would draw; without those that are NaN."""
        answer = self._get("query_range", query=expr, start=since.timestamp(), end=until.timestamp(), step=STEP_SECONDS)
        drawn = [
            (each["metric"], [number for _, text in each["values"] if math.isfinite(number := float(text))])
            for each in answer["result"]
        ]
        return [(labels, values) for labels, values in drawn if values]

    def value(self, expr: str) -> float | None:
        """Return the only value of an expression now, or None where there is no series."""
        result = self._get("query", query=expr)["result"]
        return float(result[0]["value"][1]) if result else None

    def series(self) -> list[Mapping[str, str]]:
        """Return the labels of every series that is kept."""
        found: list[Mapping[str, str]] = self._get("series", **{"match[]": '{__name__=~".+"}'})
        return found

    def targets(self) -> list[str]:
        """Return the address of everything that is scraped."""
        return [each["scrapeUrl"] for each in self._get("targets")["activeTargets"]]

    def _get(self, what: str, **parameters: Any) -> Any:
        answer = self._client.get(f"/api/v1/{what}", params=parameters)
        assert answer.status_code == httpx.codes.OK, f"{parameters}: {answer.text}"
        return answer.json()["data"]
