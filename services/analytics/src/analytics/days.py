"""Days of Silver read from Bronze again: a job with a partition for each day, for Dagster's backfills.

What is news is found without days (decision 44); this is for rows that are wrong and have none.
"""

import os
import shutil
from collections.abc import Mapping
from typing import Any

from dagster import (
    AssetKey,
    AssetMaterialization,
    DailyPartitionsDefinition,
    JobDefinition,
    OpExecutionContext,
    ResourceDefinition,
    in_process_executor,
    job,
    op,
)
from dagster_dbt import DbtCliResource

from analytics.bronze import Sight
from analytics.models import POOL
from analytics.program import ended_with_its_run
from analytics.sources import inspect_sources
from analytics.translator import LayerTranslator

FIRST_DAY = "2020-01-01"
_NEWS = "news"
_TAGS = {"dagster/max_runtime": "3600"}


def build_days_job(
    manifest: Mapping[str, Any], translator: LayerTranslator, sight: Sight, dbt: DbtCliResource
) -> JobDefinition:
    """The job `silver_days`: merges the events of a day into Silver again, and tests the days that it has merged.

    The days of its partitions are those of the events, by the provider's time in UTC.
    """
    merged = _find_merged(manifest, translator)

    @op(pool=POOL, required_resource_keys={"dbt"})
    def merge_day(context: OpExecutionContext) -> None:
        inspect_sources(manifest, translator, sight, merged)
        # A run is a process of its own, and dbt has its environment.
        os.environ |= {"DBT_DAYS": context.partition_key, "DBT_TESTS": "news"}
        command = ["build", "--exclude-resource-type", "unit_test", "--select", f"+config.materialized:{_NEWS}"]
        begun = context.resources.dbt.cli(command, manifest=manifest, dagster_dbt_translator=translator)
        with ended_with_its_run(begun) as build:
            for event in build.stream():
                if isinstance(event, AssetMaterialization):
                    context.log_event(event)
        shutil.rmtree(build.target_path, ignore_errors=True)

    @job(
        description="Merges the events of a day into Silver again, as Bronze has them now.",
        partitions_def=DailyPartitionsDefinition(start_date=FIRST_DAY, end_offset=1),
        tags=_TAGS,
        resource_defs={"dbt": ResourceDefinition.hardcoded_resource(dbt)},
        executor_def=in_process_executor,
    )
    def silver_days() -> None:
        merge_day()

    return silver_days


def _find_merged(manifest: Mapping[str, Any], translator: LayerTranslator) -> set[AssetKey]:
    """The models that are merged from news, and what they are made from."""
    merged = [node for node in manifest["nodes"].values() if node["config"].get("materialized") == _NEWS]
    read = {each for node in merged for each in node["depends_on"]["nodes"]} & manifest["nodes"].keys()
    return {translator.get_asset_key(node) for node in (*merged, *(manifest["nodes"][each] for each in read))}
