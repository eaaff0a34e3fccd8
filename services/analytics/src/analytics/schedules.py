"""When the layers are built: Silver every hour, Gold every day, all of it on demand."""

from collections.abc import Sequence

from dagster import (
    AssetChecksDefinition,
    AssetKey,
    AssetSelection,
    DefaultScheduleStatus,
    ScheduleDefinition,
    define_asset_job,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

# A build takes seconds; one that takes this long hangs on a server.
_TAGS = {"dagster/max_runtime": "1800"}


def build_jobs(sources: Sequence[AssetKey], freshness: AssetChecksDefinition) -> list[UnresolvedAssetJobDefinition]:
    """The jobs: `refresh` builds all layers, `silver` and `gold` one each. Bronze is tested with Silver."""
    source_tests = AssetSelection.checks_for_assets(*sources)
    source_data_tests = source_tests - AssetSelection.checks(freshness)
    silver, gold = AssetSelection.groups("silver"), AssetSelection.groups("gold")
    return [
        define_asset_job(
            "refresh",
            silver | gold | source_data_tests,
            description="Builds Silver and Gold from what Bronze has now.",
            tags=_TAGS,
        ),
        define_asset_job(
            "silver",
            silver | source_tests,
            description="Tests Bronze, also for its age, and merges its news into Silver.",
            tags=_TAGS,
        ),
        define_asset_job("gold", gold, description="Rebuilds Gold from Silver.", tags=_TAGS),
    ]


def build_schedules() -> list[ScheduleDefinition]:
    """The schedules, in UTC, on from the first start."""
    return [
        ScheduleDefinition(
            name="hourly_silver",
            job_name="silver",
            cron_schedule="0 * * * *",
            default_status=DefaultScheduleStatus.RUNNING,
        ),
        ScheduleDefinition(
            name="daily_gold", job_name="gold", cron_schedule="15 0 * * *", default_status=DefaultScheduleStatus.RUNNING
        ),
    ]
