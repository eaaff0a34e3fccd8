"""All that the console asks, and what it makes of the answers. Nothing is asked unless a page is looked at."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import httpx
from kit.clock import Clock
from kit.connection import Http
from kit.lake import load_catalog

from operations.console.answers import Answer, Kept, Shelf
from operations.console.metrics import Alert, Hop, Prometheus, firing
from operations.console.money import Today, read
from operations.console.parts import Asks, Part, jobs, of_values, part, pinged, readiness, subjects
from operations.console.quarantine import Quarantined, reader
from operations.console.settings import ConsoleSettings
from operations.recovery.audit import Trail
from operations.trace.command import servers
from operations.trace.facts import Row
from operations.trace.look import Look, Tracer
from operations.trace.rows import open_rows
from operations.trace.tables import EventTables
from operations.watch.command import open_client, open_questions
from operations.watch.values import AUDITED, CHANGED, DIFFERENCES, LAG, Value

PAGE_SECONDS: Final = 0.6
"""How long a page waits for answers before it shows what was said before."""
_TIMEOUT_SECONDS: Final = 3.0
_PATIENCE_SECONDS: Final = 5.0
_EVENTS: Final = 20
_TRACES: Final = 100
_TRACED: Final = 10
"""Events of a payment that a trace follows: the newest."""
_ORDER: Final = (
    *("kafka", "registry", "flink", "temporal", "database", "catalog", "object-store", "trino", "dagster"),
    *("prometheus", "alertmanager"),
)


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of the lake, and when rows last came into it (UTC)."""

    name: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Lag:
    """How many records a group has still to read of a topic."""

    group: str
    topic: str
    records: int


@dataclass(frozen=True, slots=True)
class Overview:
    """What the first page shows; of what is None, no address is set."""

    parts: Sequence[Part]
    alerts: Answer[list[Alert]] | None
    hops: Answer[list[Hop]] | None
    layers: Answer[list[Layer]]
    lags: Answer[list[Lag]]
    differences: Answer[Mapping[str, int]]
    audited: Answer[datetime | None]
    quarantine: Answer[Quarantined]
    events: Answer[list[Row]]
    today: Answer[Today]
    acted: Answer[dict[str, int]]


class Board:
    """Keeps the questions; connections last as long as `resources`."""

    def __init__(self, settings: ConsoleSettings, resources: ExitStack, clock: Clock) -> None:
        self._settings, self._resources, self._clock = settings, resources, clock
        tables = EventTables(lambda: load_catalog(settings), settings.dbt_schema_suffix)
        trail = Trail(settings.postgres_dsn)
        self._values = {
            name: Kept(name, question, clock, patience=_PATIENCE_SECONDS)
            for name, question in open_questions(settings, resources).items()
        }
        self._told = {
            name: Kept(name, question, clock, patience=_PATIENCE_SECONDS) for name, question in self._asks().items()
        }
        prometheus = None if settings.prometheus_url is None else Prometheus(self._client(settings.prometheus_url))
        self._hops = None if prometheus is None else Kept("prometheus", prometheus.hops, clock)
        self._last_up = None if prometheus is None else Kept("prometheus", prometheus.last_up, clock, seconds=10)
        alerts = settings.alertmanager_url
        self._alerts = None if alerts is None else Kept("alertmanager", partial(firing, self._client(alerts)), clock)
        self._events = Kept("database", self._newest, clock, seconds=2)
        self._acted = Kept("database", lambda: trail.count_since(self._midnight()), clock, seconds=10)
        self._today = Kept(
            "lake",
            lambda: read(tables, clock().date()),
            clock,
            seconds=30,
            patience=_PATIENCE_SECONDS * 4,
            is_costly=True,
        )
        dead_letters = reader(settings.recovery, clock)
        self._quarantine: Shelf[Quarantined] = Shelf(
            lambda window: Kept(
                "kafka", partial(dead_letters, str(window)), clock, patience=_PATIENCE_SECONDS * 4, is_costly=True
            ),
            most=4,
        )
        opened = servers(settings.tracing)
        self._traces: Shelf[Look] = Shelf(
            lambda wanted: Kept(
                "trace",
                lambda: Tracer(opened, clock, _PATIENCE_SECONDS).look(str(wanted), limit=_TRACED),
                clock,
                seconds=3,
                patience=_PATIENCE_SECONDS * 6,
            ),
            _TRACES,
        )

    def overview(self, window: str) -> Overview:
        """Ask everything at once, and return what has come in time, or was said before."""
        quarantine = self._quarantine.get(window)
        asked: list[Kept[Any] | None] = [*self._values.values(), *self._told.values(), self._hops, self._last_up]
        asked += [self._alerts, self._events, self._acted, self._today, quarantine]
        for each in asked:
            if each is not None:
                each.ask()
        until = time.monotonic() + PAGE_SECONDS
        values = {name: kept.get(until) for name, kept in self._values.items()}
        return Overview(
            parts=self._parts(values, until),
            alerts=None if self._alerts is None else self._alerts.get(until),
            hops=None if self._hops is None else self._hops.get(until),
            layers=values["catalog"].as_other(_layers),
            lags=values["kafka"].as_other(_lags),
            differences=values["database"].as_other(_differences),
            audited=values["database"].as_other(_audited),
            quarantine=quarantine.get(until),
            events=self._events.get(until),
            today=self._today.get(until),
            acted=self._acted.get(until),
        )

    def quarantine(self, window: str) -> Answer[Quarantined]:
        """Return what was quarantined within a window, as it is known by now."""
        return self._quarantine.get(window).get(time.monotonic() + PAGE_SECONDS)

    def trace(self, wanted: str) -> Answer[Look]:
        """Return what was found under an id, as far as it is known by now."""
        return self._traces.get(wanted).get(time.monotonic() + PAGE_SECONDS)

    def _parts(self, values: Mapping[str, Answer[list[Value]]], until: float) -> list[Part]:
        last_up = None if self._last_up is None else self._last_up.get(until).value
        told = {name: answer.as_other(partial(of_values, name)) for name, answer in values.items()}
        told |= {name: kept.get(until) for name, kept in self._told.items()}
        servers_first = [name for name in _ORDER if name in told]
        names = [*servers_first, *(name for name in told if name not in _ORDER)]
        return [part(name, told[name], last_up or {}) for name in names]

    def _asks(self) -> Mapping[str, Asks]:
        """Return what each part that `payments watch` does not ask is asked."""
        settings = self._settings
        asks: dict[str, Asks] = {
            "registry": partial(subjects, self._client(settings.registry)),
            "object-store": partial(pinged, self._client(settings.s3_endpoint), "/"),
        }
        if settings.flink_url is not None:
            asks["flink"] = partial(jobs, self._client(settings.flink_url))
        for name, url in (("prometheus", settings.prometheus_url), ("alertmanager", settings.alertmanager_url)):
            if url is not None:
                asks[name] = partial(pinged, self._client(url), "/-/ready")
        return asks | {name: partial(readiness, self._client(url)) for name, url in settings.programs.items()}

    def _newest(self) -> list[Row]:
        with open_rows(self._settings.postgres_dsn) as rows:
            return list(rows.newest(_EVENTS))

    def _midnight(self) -> datetime:
        return self._clock().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

    def _client(self, http: Http) -> httpx.Client:
        return open_client(self._resources, http, _TIMEOUT_SECONDS)


def _layers(values: Sequence[Value]) -> list[Layer]:
    return [Layer(each.labels[0], datetime.fromtimestamp(each.value, UTC)) for each in values if each.gauge == CHANGED]


def _lags(values: Sequence[Value]) -> list[Lag]:
    return [Lag(each.labels[0], each.labels[1], int(each.value)) for each in values if each.gauge == LAG]


def _differences(values: Sequence[Value]) -> Mapping[str, int]:
    return {each.labels[0]: int(each.value) for each in values if each.gauge == DIFFERENCES and each.value}


def _audited(values: Sequence[Value]) -> datetime | None:
    return next((datetime.fromtimestamp(each.value, UTC) for each in values if each.gauge == AUDITED), None)
