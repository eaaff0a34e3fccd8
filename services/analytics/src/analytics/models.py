"""The models of dbt as assets, their tests as asset checks."""

import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from dagster import AssetCheckKey, AssetExecutionContext, AssetKey, AssetsDefinition, AssetSpec
from dagster_dbt import DbtCliResource, DbtProject, dbt_assets

from analytics.bronze import Sight
from analytics.program import ended_with_its_run
from analytics.sources import inspect_sources
from analytics.topics import topics_of_table
from analytics.translator import LayerTranslator

# Two builds at once would merge into the same tables. Serialised by the instance (see dagster.yaml).
POOL = "dbt"
# A run with this tag tests whole tables; any other the days on which it has merged rows (dbt/macros/tests_of_news.sql).
WHOLE_TESTS = {"payments/tests": "whole"}
# A run with this tag makes every table anew, in one commit each.
ANEW = {"payments/build": "anew"}


def build_models(
    manifest: Mapping[str, Any], project: DbtProject, translator: LayerTranslator, sight: Sight
) -> AssetsDefinition:
    """All models, built and tested by `dbt build`, upstream first; none is, where a source is not as it should be."""

    @dbt_assets(manifest=manifest, project=project, dagster_dbt_translator=translator, name="dbt_build", pool=POOL)
    def dbt_build(context: AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
        inspect_sources(manifest, translator, sight, context.selected_asset_keys)
        # Unit tests say whether the SQL is right, which the data cannot change: they run before a deployment.
        # A run is a process of its own, and dbt has its environment.
        os.environ["DBT_TESTS"] = "whole" if WHOLE_TESTS.items() <= context.run.tags.items() else "news"
        anew = ["--full-refresh"] if ANEW.items() <= context.run.tags.items() else []
        command = ["build", "--exclude-resource-type", "unit_test", *anew]
        with ended_with_its_run(dbt.cli(command, context=context)) as build:
            yield from build.stream()
        # Each run has a folder of artifacts of its own; only a failed run's is worth keeping.
        shutil.rmtree(build.target_path, ignore_errors=True)

    return dbt_build


def find_whole_tests(manifest: Mapping[str, Any], assets: AssetsDefinition) -> list[AssetCheckKey]:
    """The tests that need all rows of a table, however few are news: those with dbt's tag `whole`."""
    names = {node["name"] for node in manifest["nodes"].values() if "whole" in node["tags"]}
    return [key for key in assets.check_keys if key.name in names]


def describe_sources(
    manifest: Mapping[str, Any], project: DbtProject, translator: LayerTranslator, made: Collection[AssetKey] = ()
) -> list[AssetSpec]:
    """The tables that others write and dbt reads, as external assets, each written from its topics.

    Those that are `made` here are left out.
    """
    return [
        AssetSpec(
            key=spec.key,
            group_name=spec.group_name,
            description=source["description"],
            metadata={name: value for name, value in spec.metadata.items() if not name.startswith("dagster_dbt/")},
            kinds={"iceberg"},
            deps=topics_of_table(".".join(spec.key.path)),
        )
        for unique_id, source in manifest["sources"].items()
        for spec in [translator.get_asset_spec(manifest, unique_id, project)]
        if spec.key not in made
    ]
