"""A release's programs on the servers, and what has come of webhooks at each place."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import psycopg
import trino
from confluent_kafka import Consumer, TopicPartition
from kit.lake import load_catalog
from kit.settings import LakeSettings
from payments_contracts.topics import INGESTION_DLQ, VALIDATION_DLQ
from psycopg.rows import dict_row

from tests.extensibility.added_field import FIELD, FORMER, LATTER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.rollout.release import Release, Service
    from tests.rollout.traffic import Sent

ENOUGH = 20


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


def agrees(sent: list[Sent], rows: list[dict[str, Any]]) -> None:
    """Each webhook is there once, and what it said is in the field of the latter version or where it was before."""
    assert Counter(row["provider_event_id"] for row in rows) == Counter(each.id for each in sent)
    texts = {each.id: each.text for each in sent}
    assert {row["schema_version"] for row in rows} == {FORMER, LATTER}
    for row in rows:
        text = texts[row["provider_event_id"]]
        assert row[FIELD] == (text if row["schema_version"] == LATTER else None)
        assert row["metadata"]["statement_descriptor_suffix"] == text, "readers of metadata find it as before"
