"""`payments watch`: the gauges of what shows none, for Prometheus."""

import signal
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx
from kit.clock import utc_now
from kit.connection import Http, endpoint_of
from kit.lake import load_catalog
from kit.logging import configure
from kit.metrics import MetricsServer
from kit.settings import LakeSettings, LogSettings, MetricsSettings, TemporalSecuritySettings, load
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS, GOLD_DAILY_PAYMENT_METRICS, SILVER_PAYMENTS_CLEANED
from prometheus_client import CollectorRegistry
from pydantic import Field, field_validator

from operations.audit.assembly import AuditSettings, readers
from operations.watch.look import Watch
from operations.watch.questions import Lags, Layers, Question, WorkflowCounts, ask_audit, ask_dagster, ask_trino
from operations.watch.values import Gauges

_TIMEOUT_SECONDS = 5.0


class PartsSettings(AuditSettings, LakeSettings, TemporalSecuritySettings):
    """Addresses of the parts that are asked themselves, groups and suffixes as the audit has them."""

    temporal_http_url: str = Field(pattern=r"^https?://")
    temporal_namespace: str = "payments"
    dagster_url: str = Field(pattern=r"^https?://")

    @property
    def layers(self) -> Mapping[str, tuple[str, str]]:
        """The table that stands for each layer."""
        suffix = self.dbt_schema_suffix
        return {
            "bronze": (BRONZE_PAYMENT_EVENTS.namespace, BRONZE_PAYMENT_EVENTS.name),
            "silver": _built(SILVER_PAYMENTS_CLEANED, suffix),
            "gold": _built(GOLD_DAILY_PAYMENT_METRICS, suffix),
        }


class WatchSettings(PartsSettings, MetricsSettings, LogSettings):
    """Addresses of all parts, and where to show what they say."""

    watch_seconds: float = Field(default=15, gt=0, description="Time between two looks.")
    watch_mounts: str = Field(default="", description="Folders whose disks are watched: name=/path, commas between.")

    @field_validator("watch_mounts")
    @classmethod
    def _are_named(cls, text: str) -> str:
        if any(not name or not path for name, _, path in _pairs(text)):
            raise ValueError("it has to be name=/path, with commas between")
        return text

    @property
    def mounts(self) -> Mapping[str, Path]:
        """The folders by name."""
        return {name: Path(path) for name, _, path in _pairs(self.watch_mounts)}


def watch() -> None:
    """Ask Kafka, the database, the catalog, Temporal, Trino and Dagster, and show what they say at /metrics.

    Runs until SIGTERM or SIGINT. A part that is away is shown as such, and all others still are.
    """
    settings = load(WatchSettings)
    configure("watch", settings.log_level, settings.log_format)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    registry, gauges = CollectorRegistry(), Gauges()
    registry.register(gauges)
    with ExitStack() as resources:
        questions = open_questions(settings, resources)
        resources.enter_context(MetricsServer(settings.metrics_host, settings.metrics_port, {}, registry))
        Watch(questions, settings.mounts, gauges).run(settings.watch_seconds, stop)


def open_questions(settings: PartsSettings, resources: ExitStack) -> Mapping[str, Question]:
    """Return what to ask each part, by its name; connections last as long as `resources`."""
    lags = Lags(settings.kafka, [(group, topic) for group, topic, _ in readers(settings)])
    resources.callback(lags.close)
    workflows = WorkflowCounts(settings.temporal_http(settings.temporal_http_url), settings.temporal_namespace, utc_now)
    resources.callback(workflows.close)
    return {
        "kafka": lags.ask,
        "database": partial(ask_audit, settings.postgres_dsn),
        "catalog": Layers(partial(load_catalog, settings), settings.layers).ask,
        "temporal": workflows.ask,
        "trino": partial(ask_trino, open_client(resources, settings.trino)),
        "dagster": partial(ask_dagster, open_client(resources, settings.dagster_url)),
    }


def open_client(resources: ExitStack, http: Http, seconds: float = _TIMEOUT_SECONDS) -> httpx.Client:
    """Return a client of a server, with what is needed to come in; its connections last as long as `resources`."""
    where = endpoint_of(http)
    client = httpx.Client(base_url=where.url.rstrip("/"), timeout=seconds, trust_env=False, **where.options())
    return resources.enter_context(client)


def _built(table: str, suffix: str) -> tuple[str, str]:
    layer, _, name = table.partition(".")
    return f"{layer}{suffix}", name


def _pairs(text: str) -> list[tuple[str, str, str]]:
    return [each.strip().partition("=") for each in text.split(",") if each.strip()]
