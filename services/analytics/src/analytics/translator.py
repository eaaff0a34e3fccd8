"""How dbt's resources are named in Dagster."""

from collections.abc import Mapping
from typing import Any

from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings


class LayerTranslator(DagsterDbtTranslator):
    """Groups assets by their layer of the lake: the first part of the asset key.

    A source's key stands in its contract's `meta`, a model's is its schema and name.
    """

    def __init__(self) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True))

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The layer of a dbt resource: bronze, silver or gold."""
        return self.get_asset_key(dbt_resource_props).path[0]
