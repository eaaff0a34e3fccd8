"""The job that reads days of Silver again."""

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

import pytest
from analytics.days import build_days_job
from analytics.project import read_manifest
from analytics.translator import LayerTranslator
from dagster import AssetKey, AssetMaterialization, DagsterInstance, ExecuteInProcessResult, Output
from dagster_dbt import DbtCliResource, DbtProject
from payments_contracts.pins.orchestrator import ScoredPayment

from .lake import sight, table

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOUND = {"bronze.payment_events": table(1, NOW, tuple(ScoredPayment.model_fields))}
MADE = AssetMaterialization(AssetKey(["silver", "payments"]))


class Dbt:
    """Notes what it is asked for, and in which environment."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[str], str | None]] = []

    def cli(self, command: list[str], **_: Any) -> SimpleNamespace:
        self.asked.append((command, os.environ.get("DBT_DAYS")))
        ended = SimpleNamespace(poll=lambda: 0)
        return SimpleNamespace(stream=self.stream, process=ended, target_path="nowhere")

    def stream(self) -> Iterator[object]:
        yield Output(1)
        yield MADE


def run(project: DbtProject, dbt: Dbt, tables: Mapping[str, Any]) -> ExecuteInProcessResult:
    job = build_days_job(read_manifest(project), LayerTranslator(), sight(tables, NOW), cast("DbtCliResource", dbt))
    with mock.patch.dict(os.environ), DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(partition_key="2026-02-27", instance=instance, raise_on_error=False)


def test_dbt_is_told_the_day_of_the_partition_and_what_it_made_is_noted(project: DbtProject) -> None:
    dbt = Dbt()
    result = run(project, dbt, SOUND)
    assert result.success
    [(command, day)] = dbt.asked
    assert day == "2026-02-27"
    assert command[-2:] == ["--select", "+config.materialized:news"]
    made = [event.asset_key for event in result.all_events if event.is_step_materialization]
    assert made == [MADE.asset_key]


@pytest.mark.parametrize("tables", [{}, {"bronze.payment_events": table(1, NOW, ("event_id",))}])
def test_nothing_is_begun_where_bronze_is_not_as_it_should_be(project: DbtProject, tables: Mapping[str, Any]) -> None:
    dbt = Dbt()
    assert not run(project, dbt, tables).success
    assert dbt.asked == []
