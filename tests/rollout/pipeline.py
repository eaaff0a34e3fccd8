"""The programs of a pipeline, each of one release or of the other, and what has come of webhooks at each place."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import TYPE_CHECKING, Any

import psycopg
import trino
from confluent_kafka import Consumer, TopicPartition
from kit.lake import load_catalog
from kit.settings import LakeSettings
from payments_contracts.topics import INGESTION_DLQ, VALIDATION_DLQ
from psycopg.rows import dict_row

from tests.rollout.change import PROVIDERS
from tests.rollout.steps import STEPS
from tests.rollout.traffic import notification_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.rollout.release import Release, Service

_HOLDING = STEPS[:3]
_BUILD = "payments build"


class Pipeline:
    """What runs: all of the former release at first, then of the latter what was replaced.

    Args:
        former: The release that runs.
        latter: The one that is rolled out.
        settings: Where the servers are.
        models: What a build makes, in this order.
    """

    def __init__(self, former: Release, latter: Release, settings: Mapping[str, str], models: Iterable[str]) -> None:
        self._former = former
        self._latter = latter
        self._settings = settings
        self._select = tuple(models)
        self._commands = former
        self._models = former
        self._inference: Service
        self._orchestrator: Service
        self._normalizers: dict[str, Service]
        self.gateways: dict[str, str] = {}

    def start(self) -> None:
        """Start the former release, with a gateway and a normalizer for each provider."""
        former = self._former
        for each in (command for step in _HOLDING for command in step.taken):
            former.run(*shlex.split(each))
        self._inference = former.start("inference")
        gateways = {name: self._gateway(name) for name in PROVIDERS}
        self._normalizers = {name: self._normalizer(former, name) for name in PROVIDERS}
        self._inference.wait_until_ready()
        self._orchestrator = self._orchestrator_of(former)
        for service in (*gateways.values(), self._orchestrator, *self._normalizers.values()):
            service.wait_until_ready()
        self.gateways = {name: service.url for name, service in gateways.items()}

    def run(self, command: str) -> None:
        """Run a command of the latter release to its end; a build is one of whose models there are by then."""
        if command == _BUILD:
            # What it asks of Dagster, which does not stand here.
            self._build()
        else:
            self._latter.run(*shlex.split(command))

    def replace(self, program: str) -> None:
        """Put the latter release of a program in the place of the former one."""
        match program:
            case "orchestrator":
                self._orchestrator.stop()
                self._orchestrator = self._orchestrator_of(self._latter)
                self._orchestrator.wait_until_ready()
            case "payments":
                self._commands = self._latter
            case "normalizer":
                for name in PROVIDERS:
                    self._normalizers[name].stop()
                    self._normalizers[name] = self._normalizer(self._latter, name)
                    self._normalizers[name].wait_until_ready()
            case "analytics":
                self._models = self._latter
            case _:
                raise ValueError(f"no {program} runs here")

    def payments(self, *arguments: str) -> str:
        """Run the `payments` command, of the release that people have by now, and return what it prints."""
        return self._commands.run("payments", *arguments)

    def _gateway(self, provider: str) -> Service:
        secrets = self._settings[f"GATEWAY_{provider.upper()}_SECRETS"]
        return self._former.start(
            "gateway",
            GATEWAY_PROVIDER=provider,
            WEBHOOK_SECRETS=secrets,
            NOTIFICATION_URL=notification_url(provider),
        )

    def _normalizer(self, release: Release, provider: str) -> Service:
        return release.start("normalizer", NORMALIZER_PROVIDER=provider)

    def _orchestrator_of(self, release: Release) -> Service:
        return release.start("orchestrator", "run", INFERENCE_URL=self._inference.url)

    def _build(self) -> None:
        project = str(self._models.folder / "dbt")
        folders = ("--project-dir", project, "--profiles-dir", project)
        self._models.run("dbt", "deps", *folders)
        self._models.run("dbt", "run", *folders, "--select", *self._select)


def bronze(settings: Mapping[str, str], *columns: str) -> list[dict[str, Any]]:
    """Return the rows of Bronze, with these columns where any are named."""
    lake = LakeSettings.model_validate({name.lower(): value for name, value in settings.items()})
    table = load_catalog(lake).load_table("bronze.payment_events")
    rows: list[dict[str, Any]] = (
        table.scan(selected_fields=columns or ("*",)).to_arrow().to_pylist(maps_as_pydicts="strict")
    )
    return rows


def written(settings: Mapping[str, str]) -> Counter[tuple[str, int]]:
    """Return how many rows of Bronze there are of each provider and version."""
    rows = bronze(settings, "provider", "schema_version")
    return Counter((row["provider"], row["schema_version"]) for row in rows)


def database(settings: Mapping[str, str]) -> list[dict[str, Any]]:
    with psycopg.connect(settings["POSTGRES_DSN"], row_factory=dict_row) as connection:
        return list(connection.execute("SELECT * FROM payment_events"))


def derived(settings: Mapping[str, str], table: str) -> list[dict[str, Any]]:
    """Return the rows of a table of Silver or Gold."""
    connection = trino.dbapi.connect(  # type: ignore[no-untyped-call]  # the library has half its types
        host=settings["TRINO_HOST"], port=int(settings["TRINO_PORT"]), user=settings["TRINO_USER"], catalog="lake"
    )
    cursor = connection.cursor()
    cursor.execute(f"select * from {table}")  # noqa: S608 - a name of the contracts
    rows = cursor.fetchall()
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in rows]


def dead_letters(settings: Mapping[str, str]) -> int:
    consumer = Consumer({"bootstrap.servers": settings["KAFKA_BOOTSTRAP_SERVERS"], "group.id": "rollout"})
    try:
        return sum(
            consumer.get_watermark_offsets(TopicPartition(topic.name, number), timeout=30)[1]
            for topic in (INGESTION_DLQ, VALIDATION_DLQ)
            for number in range(topic.partitions)
        )
    finally:
        consumer.close()
