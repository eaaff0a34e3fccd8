"""The models of dbt as assets, their tests as asset checks."""

import shutil
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from dagster import AssetExecutionContext, AssetKey, AssetsDefinition, AssetSpec
from dagster_dbt import DbtCliResource, DbtProject, dbt_assets

from analytics.translator import LayerTranslator

# Two builds at once would merge into the same tables. Serialised by the instance (see dagster.yaml).
POOL = "dbt"


def build_models(manifest: Mapping[str, Any], project: DbtProject, translator: LayerTranslator) -> AssetsDefinition:
    """All models, built and tested by `dbt build`, upstream first."""

    @dbt_assets(manifest=manifest, project=project, dagster_dbt_translator=translator, name="dbt_build", pool=POOL)
    def dbt_build(context: AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
        # Unit tests say whether the SQL is right, which the data cannot change: they run before a deployment.
        build = dbt.cli(["build", "--exclude-resource-type", "unit_test"], context=context)
        yield from build.stream()
        # Each run has a folder of artifacts of its own; only a failed run's is worth keeping.
        shutil.rmtree(build.target_path, ignore_errors=True)

    return dbt_build


def describe_sources(
    manifest: Mapping[str, Any], project: DbtProject, translator: LayerTranslator, made: Collection[AssetKey] = ()
) -> list[AssetSpec]:
    """The tables that others write and dbt reads, as external assets, so that lineage starts at Bronze.

    Those that are `made` here are left out.
    """
    return [
        AssetSpec(
            key=spec.key,
            group_name=spec.group_name,
            description=source["description"],
            metadata={name: value for name, value in spec.metadata.items() if not name.startswith("dagster_dbt/")},
            kinds={"iceberg"},
        )
        for unique_id, source in manifest["sources"].items()
        for spec in [translator.get_asset_spec(manifest, unique_id, project)]
        if spec.key not in made
    ]
