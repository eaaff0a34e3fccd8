"""What an OpenLineage endpoint is told of a run."""

from collections.abc import Iterator

import pytest
from analytics.lineage import build_lineage_sensor
from analytics.settings import AnalyticsSettings
from analytics.topics import describe_topics
from dagster import (
    AssetKey,
    AssetSpec,
    DagsterInstance,
    Definitions,
    asset,
    build_sensor_context,
    define_asset_job,
)
from kit.clock import utc_now
from kit.errors import Transient
from openlineage.client.event_v2 import RunEvent
from requests import ConnectionError as Unreachable

SETTINGS = AnalyticsSettings(kafka_bootstrap_servers="kafka:9092,other:9092", trino_host="trino", trino_port=1)


@asset(key=["bronze", "payment_events"], deps=[AssetKey(["kafka", "payments.normalized"])])
def events() -> None:
    pass


@asset(key=["silver", "payments"], deps=[events, AssetSpec(["bronze", "merchant_terms"])])
def payments() -> None:
    pass


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as instance:
        yield instance


def test_a_run_is_told_with_what_it_read_and_made(instance: DagsterInstance) -> None:
    told: list[RunEvent] = []
    sensor = build_lineage_sensor(SETTINGS, told.append)
    definitions = Definitions(
        assets=[*describe_topics(), events, payments], jobs=[define_asset_job("silver")], sensors=[sensor]
    )

    def look(cursor: str | None) -> str | None:
        context = build_sensor_context(instance, cursor=cursor, repository_def=definitions.get_repository_def())
        return sensor.evaluate_tick(context).cursor

    cursor = look(None)
    run = definitions.resolve_job_def("silver").execute_in_process(instance=instance)
    cursor = look(cursor)
    assert [str(each.eventType.value) for each in told if each.eventType] == ["START", "COMPLETE"]
    assert {each.run.runId for each in told} == {run.run_id}
    assert told[0].job.name == "silver"
    assert told[0].eventTime < told[1].eventTime
    assert [(each.namespace, each.name) for each in told[1].inputs or ()] == [
        ("trino://trino:1", "lake.bronze.merchant_terms"),
        ("kafka://kafka:9092", "payments.normalized"),
    ]
    assert [(each.namespace, each.name) for each in told[1].outputs or ()] == [
        ("trino://trino:1", "lake.bronze.payment_events"),
        ("trino://trino:1", "lake.silver.payments"),
    ]
    look(cursor)
    assert len(told) == 2


def test_runs_that_the_endpoint_did_not_take_are_told_later(instance: DagsterInstance) -> None:
    told: list[RunEvent] = []
    takes = 2

    def emit(event: RunEvent) -> None:
        if len(told) == takes:
            raise Unreachable
        told.append(event)

    started = utc_now().isoformat()
    sensor = build_lineage_sensor(SETTINGS, emit)
    definitions = Definitions(assets=[payments], jobs=[define_asset_job("silver")], sensors=[sensor])
    job = definitions.resolve_job_def("silver")
    first, second = (job.execute_in_process(instance=instance).run_id for _ in range(2))

    def look(cursor: str | None) -> str | None:
        context = build_sensor_context(instance, cursor=cursor, repository_def=definitions.get_repository_def())
        return sensor.evaluate_tick(context).cursor

    cursor = look(started)
    assert [each.run.runId for each in told] == [first, first]
    with pytest.raises(Transient, match="OPENLINEAGE_URL does not take events"):
        look(cursor)
    takes = 4
    assert look(cursor) != cursor
    assert [each.run.runId for each in told] == [first, first, second, second]
