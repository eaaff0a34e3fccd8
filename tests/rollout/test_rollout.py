"""A version of the unified event is rolled out under traffic, step by step as docs/rollout.md says."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import trino
from confluent_kafka import Consumer, TopicPartition
from kit.lake import load_catalog
from kit.settings import LakeSettings
from payments_contracts.topics import INGESTION_DLQ, VALIDATION_DLQ
from psycopg.rows import dict_row

from tests.conftest import PROGRAM
from tests.extensibility.added_field import FIELD, FORMER, LATTER, ROOT, add_field
from tests.rollout.release import Release, Service, until
from tests.rollout.traffic import Sent, Traffic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = [pytest.mark.e2e, pytest.mark.nightly, pytest.mark.timeout(1800)]
# Beside the stack of the other tests: here topics, tables and schemas go on to a version that the others do not know.
APART = 300
ENOUGH = 20


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Start the servers with a state and ports of their own, and give every setting of them."""
    offset = int(os.environ.get("PAYMENTS_TEST_PORT_OFFSET", "5000")) + APART
    state = tmp_path_factory.mktemp("s")
    environment = os.environ | {"PAYMENTS_STATE_DIR": str(state), "PAYMENTS_PORT_OFFSET": str(offset)}

    def stack(*arguments: str) -> str:
        command = [str(PROGRAM), *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout

    try:
        stack("up", "--only", "infrastructure")
        yield json.loads(stack("env", "--format", "json"))
    finally:
        stack("down")


@pytest.fixture
def releases(settings: Mapping[str, str], tmp_path: Path) -> Iterator[tuple[Release, Release]]:
    """The release that runs, and the one with a field more in the unified event."""
    former = Release.of(tmp_path / "former", lambda _: None, settings)
    latter = Release.of(tmp_path / "latter", add_field, settings)
    yield former, latter
    for service in (*former.running, *latter.running):
        service.kill()


def deploy_what_holds_data(release: Release) -> None:
    release.run("payments", "topics", "apply")
    release.run("payments", "schemas", "register")
    release.run("payments", "tables", "apply")
    release.run("payments", "database", "apply")


def start(release: Release, settings: Mapping[str, str]) -> tuple[Service, Service, Service]:
    """Start everything and return the gateway, the normalizer and the orchestrator."""
    inference = release.start("inference")
    gateway = release.start("gateway", GATEWAY_PROVIDER="stripe", WEBHOOK_SECRETS=settings["GATEWAY_STRIPE_SECRETS"])
    normalizer = release.start("normalizer", NORMALIZER_PROVIDER="stripe")
    inference.wait_until_ready()
    orchestrator = start_orchestrator(release, inference)
    for service in (gateway, orchestrator, normalizer):
        service.wait_until_ready()
    return gateway, normalizer, orchestrator


def start_orchestrator(release: Release, inference: Service) -> Service:
    return release.start("orchestrator", "run", INFERENCE_URL=inference.url)


def bronze(settings: Mapping[str, str]) -> list[dict[str, Any]]:
    lake = LakeSettings.model_validate({name.lower(): value for name, value in settings.items()})
    rows: list[dict[str, Any]] = (
        load_catalog(lake).load_table("bronze.payment_events").scan().to_arrow().to_pylist(maps_as_pydicts="strict")
    )
    return rows


def newest(settings: Mapping[str, str]) -> Counter[int]:
    return Counter(row["schema_version"] for row in bronze(settings))


def database(settings: Mapping[str, str]) -> list[dict[str, Any]]:
    with psycopg.connect(settings["POSTGRES_DSN"], row_factory=dict_row) as connection:
        return list(connection.execute("SELECT * FROM payment_events"))


def silver(settings: Mapping[str, str]) -> list[dict[str, Any]]:
    connection = trino.dbapi.connect(  # type: ignore[no-untyped-call]  # the library has half its types
        host=settings["TRINO_HOST"], port=int(settings["TRINO_PORT"]), user=settings["TRINO_USER"], catalog="lake"
    )
    cursor = connection.cursor()
    cursor.execute("select * from silver.payments_cleaned")
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


def build_silver(release: Release) -> None:
    folders = ("--project-dir", str(release.folder / "dbt"), "--profiles-dir", str(release.folder / "dbt"))
    release.run("dbt", "deps", *folders)
    release.run("dbt", "run", *folders, "--select", "stg_payments", "payments_cleaned")


def test_a_version_is_rolled_out_under_traffic(releases: tuple[Release, Release], settings: Mapping[str, str]) -> None:
    former, latter = releases
    deploy_what_holds_data(former)
    gateway, normalizer, orchestrator = start(former, settings)
    inference = former.running[0]

    with Traffic(f"{gateway.url}/webhooks/stripe", settings["GATEWAY_STRIPE_SECRETS"]) as traffic:
        until("rows of the former version", lambda: newest(settings)[FORMER] >= ENOUGH)

        # 1 to 3: the registry, the lake and the database, while the former programs run.
        deploy_what_holds_data(latter)
        held = newest(settings)[FORMER]
        until("rows into tables that have gained a column", lambda: newest(settings)[FORMER] >= held + ENOUGH)

        # 4: consumers.
        orchestrator.stop()
        start_orchestrator(latter, inference).wait_until_ready()
        held = newest(settings)[FORMER]
        until("rows of the former version, by the latter consumer", lambda: newest(settings)[FORMER] >= held + ENOUGH)

        # 5: producers.
        normalizer.stop()
        latter.start("normalizer", NORMALIZER_PROVIDER="stripe").wait_until_ready()
        until("rows of the latter version", lambda: newest(settings)[LATTER] >= ENOUGH)
        # A run of the former models in between knows nothing of the column, and leaves it out of these rows.
        build_silver(former)

    until("all rows", lambda: newest(settings).total() >= len(traffic.sent))
    until("all rows of the database", lambda: len(database(settings)) >= len(traffic.sent))
    # 6: what is made of the tables.
    build_silver(latter)

    assert Counter(each.status for each in traffic.sent) == {200: len(traffic.sent)}
    assert dead_letters(settings) == 0
    for rows in (bronze(settings), database(settings), silver(settings)):
        agrees(traffic.sent, rows)


def agrees(sent: list[Sent], rows: list[dict[str, Any]]) -> None:
    """Each webhook is there once, and what it said is in the field of the latter version or where it was before."""
    assert Counter(row["provider_event_id"] for row in rows) == Counter(each.id for each in sent)
    texts = {each.id: each.text for each in sent}
    assert {row["schema_version"] for row in rows} == {FORMER, LATTER}
    for row in rows:
        text = texts[row["provider_event_id"]]
        assert row[FIELD] == (text if row["schema_version"] == LATTER else None)
        assert row["metadata"]["statement_descriptor_suffix"] == text, "readers of metadata find it as before"
