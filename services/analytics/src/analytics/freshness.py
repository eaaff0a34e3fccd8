"""Whether Bronze keeps receiving rows: by the bounds in its contract, and within seconds while events come."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    MetadataValue,
    asset_check,
    multi_asset_check,
)
from dagster_dbt import DbtCliResource
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS

from analytics.bronze import Sight
from analytics.program import ended_with_its_run
from analytics.translator import LayerTranslator

CHECK_NAME = "is_fresh"
PACE_CHECK_NAME = "keeps_up"
KEEPS_UP_WITHIN = timedelta(seconds=30)
"""How old Bronze may be while traffic flows."""


def build_freshness_check(manifest: Mapping[str, Any], translator: LayerTranslator) -> AssetChecksDefinition:
    """One check for each source whose contract bounds its age, all measured by one `dbt source freshness`."""
    keys = {
        unique_id: translator.get_asset_key(source)
        for unique_id, source in manifest["sources"].items()
        if source.get("freshness") and source.get("loaded_at_field")
    }

    @multi_asset_check(
        name="source_freshness",
        specs=[
            AssetCheckSpec(CHECK_NAME, asset=key, description="The newest row is as young as the contract asks.")
            for key in keys.values()
        ],
    )
    def source_freshness(dbt: DbtCliResource) -> Iterator[AssetCheckResult]:
        # A stale source makes dbt exit with an error; here that is a result.
        with ended_with_its_run(dbt.cli(["source", "freshness"], raise_on_error=False)) as invocation:
            results = invocation.wait().get_artifact("sources.json")["results"]
        measured = {result["unique_id"]: result for result in results}
        for unique_id, key in keys.items():
            yield judge(key, measured.get(unique_id, {"status": "not measured"}))

    return source_freshness


def judge(key: AssetKey, measured: Mapping[str, Any]) -> AssetCheckResult:
    """Turn one result of dbt's sources.json into a check result.

    An age past `warn_after` warns, one past `error_after` errs. A source that could not be measured warns.
    """
    status = str(measured["status"])
    metadata: dict[str, MetadataValue] = {"status": MetadataValue.text(status)}
    if (age := measured.get("max_loaded_at_time_ago_in_s")) is not None:
        metadata["age_seconds"] = MetadataValue.float(float(age))
    if (newest := measured.get("max_loaded_at")) is not None:
        metadata["newest_row"] = MetadataValue.timestamp(datetime.fromisoformat(newest))
    if (error := measured.get("error")) is not None:
        metadata["error"] = MetadataValue.text(str(error))
    return AssetCheckResult(
        asset_key=key,
        check_name=CHECK_NAME,
        passed=status == "pass",
        severity=AssetCheckSeverity.ERROR if status == "error" else AssetCheckSeverity.WARN,
        metadata=metadata,
    )


def build_pace_check(sight: Sight) -> AssetChecksDefinition:
    """The check that rows come into Bronze soon after their events, for as long as events come."""

    @asset_check(
        asset=AssetKey(BRONZE_PAYMENT_EVENTS.identifier.split(".")),
        name=PACE_CHECK_NAME,
        description=f"No normalized event has waited for more than {KEEPS_UP_WITHIN.seconds} s while no row came.",
    )
    def keeps_up() -> AssetCheckResult:
        identifier = BRONZE_PAYMENT_EVENTS.identifier
        late = sight.late(sight.tables(identifier)[identifier], KEEPS_UP_WITHIN)
        metadata: dict[str, MetadataValue] = {"waiting": MetadataValue.int(late.records)}
        if late.since is not None:
            metadata["newest_rows"] = MetadataValue.timestamp(late.since)
        return AssetCheckResult(passed=not late.records, severity=AssetCheckSeverity.WARN, metadata=metadata)

    return keeps_up
