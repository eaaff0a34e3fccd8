"""Alerts that Dagster raises itself, to Alertmanager: what its sensors see of the lake and of its own runs.

Names and labels are in infra/monitoring beside those of Prometheus; docs/runbooks.md says what to do.
API: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
import structlog
from kit.clock import Clock, utc_now
from kit.errors import Transient

JOB: Final = "dagster"
"""What the label `job` holds, in which alerts of Prometheus have the program that they are about."""
_STANDS_FOR = timedelta(minutes=5)
_TIMEOUT_SECONDS = 5.0
_RUNBOOK = "docs/runbooks.md#"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of alert; `labels` names those that it has beside `alertname`, `severity` and `job`."""

    name: str
    severity: str
    labels: tuple[str, ...] = ()


QUARANTINE_RATE_HIGH: Final = Kind("QuarantineRateHigh", "page")
BRONZE_STALE: Final = Kind("BronzeStale", "page")
AUDIT_DIFFERENCES: Final = Kind("AuditDifferences", "page", ("hop",))
RUN_FAILED: Final = Kind("RunFailed", "ticket", ("dagster_job",))
KINDS: Final = (QUARANTINE_RATE_HIGH, BRONZE_STALE, AUDIT_DIFFERENCES, RUN_FAILED)


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that is wrong now. What `labels` holds tells it from others of its kind."""

    kind: Kind
    summary: str
    labels: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
    """Where Dagster's web server shows more."""

    def __post_init__(self) -> None:
        """Refuse labels that the kind does not have."""
        if set(self.labels) != set(self.kind.labels):
            raise ValueError(f"{self.kind.name} has the labels {self.kind.labels}, and not {tuple(self.labels)}.")

    @property
    def identity(self) -> dict[str, str]:
        """All labels: by these Alertmanager knows an alert again."""
        return {"alertname": self.kind.name, "severity": self.kind.severity, "job": JOB, **self.labels}


Standing = Sequence[Mapping[str, Any]]
"""Alerts that were raised and have not ended, as Alertmanager has them: JSON, for a sensor's cursor."""


class Alerts:
    """Raises alerts, and ends them. Each is a line of the log; where there is an Alertmanager, it is told as well.

    Args:
        url: Alertmanager's address; None where there is none.
        dagster_url: Address of Dagster's web server, for links; empty where it is not known.
        clock: Tells the time.
        transport: What carries the requests, for tests.
    """

    def __init__(
        self,
        url: str | None,
        dagster_url: str = "",
        clock: Clock = utc_now,
        *,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url = url
        self._dagster_url = dagster_url.rstrip("/")
        self._clock = clock
        self._transport = transport

    def tell(self, standing: Standing, found: Iterable[Alert]) -> list[dict[str, Any]]:
        """Say which alerts stand now, of those that one sensor looks after; return them, for its next look.

        An alert that stands is told at each look, and ends by itself five minutes after the last: so nothing stands
        for ever where Dagster is gone. One that was found before and no longer is ends at once.

        Raises:
            Transient: Alertmanager does not take them. They are in the log, and the next look tells all of it again.
        """
        now = self._clock()
        known = {_key(each): each for each in standing}
        standing_now = {_key(each): each for each in (self._told(alert, known, now) for alert in found)}
        ended = [{**each, "endsAt": _written(now)} for key, each in known.items() if key not in standing_now]
        for key, each in standing_now.items():
            if key not in known:
                _log.warning("alert_raised", **each["labels"], summary=each["annotations"]["summary"])
        for each in ended:
            _log.info("alert_ended", **each["labels"])
        # After the log, which is all that tells of it where Alertmanager is away.
        if self._url and (standing_now or ended):
            self._post([*standing_now.values(), *ended])
        return list(standing_now.values())

    def _told(self, alert: Alert, known: Mapping[str, Mapping[str, Any]], now: datetime) -> dict[str, Any]:
        told: dict[str, Any] = {
            "labels": alert.identity,
            "annotations": {"summary": alert.summary, "runbook": f"{_RUNBOOK}{alert.kind.name.lower()}"},
            "startsAt": _written(now),
            "endsAt": _written(now + _STANDS_FOR),
        }
        if self._dagster_url:
            told["generatorURL"] = f"{self._dagster_url}{alert.path}"
        if (before := known.get(_key(told))) is not None:
            told["startsAt"] = before["startsAt"]
        return told

    def _post(self, alerts: Sequence[Mapping[str, Any]]) -> None:
        try:
            with httpx.Client(timeout=_TIMEOUT_SECONDS, transport=self._transport, trust_env=False) as client:
                client.post(f"{self._url}/api/v2/alerts", json=alerts).raise_for_status()
        except httpx.HTTPError as error:
            raise Transient(f"Alertmanager at {self._url} does not take alerts ({error}).") from error


def _key(told: Mapping[str, Any]) -> str:
    return repr(sorted(told["labels"].items()))


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
