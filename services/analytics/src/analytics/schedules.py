"""When the layers are built: Silver every hour, Gold every day, all of it on demand."""

from collections.abc import Sequence

from dagster import (
    AssetCheckKey,
    AssetChecksDefinition,
    AssetKey,
    AssetsDefinition,
    AssetSelection,
    DefaultScheduleStatus,
    ScheduleDefinition,
    define_asset_job,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from analytics.models import ANEW, WHOLE_TESTS

DAILY = "daily"
"""dbt's tag of models of Silver whose cost is that of the whole table, not that of the news."""

# A build takes seconds; one that takes this long hangs on a server.
_TAGS = {"dagster/max_runtime": "1800"}
# All of Bronze is read.
_REBUILD_TAGS = {"dagster/max_runtime": "14400"}
# After an outage it catches up hour by hour.
_AUDIT_TAGS = {"dagster/max_runtime": "3600"}


def build_jobs(
    sources: Sequence[AssetKey],
    copies: AssetsDefinition,
    whole: Sequence[AssetCheckKey],
    ages: Sequence[AssetChecksDefinition],
    audit: AssetChecksDefinition,
) -> list[UnresolvedAssetJobDefinition]:
    """The jobs: `refresh` builds all layers, `rebuild` makes them anew, `silver` and `gold` build one each.

    What costs the whole of a table is not done by the hour: `silver` tests the days that have news, and leaves out the
    tests of `whole`; `gold` tests Bronze and all of Silver once a day. `audit` balances every hop; it asks servers that
    building needs nothing of, and so is a job of its own.
    """
    source_data_tests = (
        AssetSelection.checks_for_assets(*sources) - AssetSelection.checks(audit) - AssetSelection.checks(*ages)
    )
    layer = AssetSelection.groups("silver")
    silver_tests = layer - layer.without_checks()
    # Models of Silver that are rebuilt whole are built as often as Gold is, after what they are made from is copied.
    daily = layer & AssetSelection.tag(DAILY, "")
    silver = layer - daily
    gold = AssetSelection.groups("gold") | daily | AssetSelection.assets(copies)
    return [
        define_asset_job(
            "refresh",
            silver | gold | source_data_tests,
            description="Builds Silver and Gold from what Bronze has now, and tests all of it.",
            tags={**_TAGS, **WHOLE_TESTS},
        ),
        define_asset_job(
            "rebuild",
            silver | gold | source_data_tests,
            description="Builds every table of Silver and Gold anew, each in one commit, and tests all of it.",
            tags={**_REBUILD_TAGS, **WHOLE_TESTS, **ANEW},
        ),
        define_asset_job(
            "silver",
            (silver - AssetSelection.checks(*whole)) | AssetSelection.checks(*ages),
            description="Tests Bronze for its age, and merges its news into Silver.",
            tags=_TAGS,
        ),
        define_asset_job(
            "gold",
            gold | silver_tests | source_data_tests,
            description="Rebuilds Gold from Silver, and tests Bronze and all of Silver.",
            tags={**_TAGS, **WHOLE_TESTS},
        ),
        define_asset_job(
            "audit",
            AssetSelection.checks(audit),
            description="Balances every hop by ids and sums; its check fails while a difference is open.",
            tags=_AUDIT_TAGS,
        ),
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
            # Once Silver has been built, and what is under way had its quarter of an hour.
            name="hourly_audit",
            job_name="audit",
            cron_schedule="20 * * * *",
            default_status=DefaultScheduleStatus.RUNNING,
        ),
        ScheduleDefinition(
            name="daily_gold", job_name="gold", cron_schedule="15 0 * * *", default_status=DefaultScheduleStatus.RUNNING
        ),
    ]
