"""The jobs of Dagster that maintain the lake's tables, and when they run.

Each table has steps of its own that need none of the others, so the failure of one hides nothing of another.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from dagster import (
    AssetKey,
    AssetObservation,
    DefaultScheduleStatus,
    Failure,
    GraphDefinition,
    InitResourceContext,
    JobDefinition,
    OpDefinition,
    OpExecutionContext,
    ResourceDefinition,
    RetryRequested,
    ScheduleDefinition,
    in_process_executor,
    op,
    resource,
)
from kit.errors import PipelineError, Transient
from kit.settings import TrinoSettings
from payments_contracts.maintenance import Maintenance

from analytics.maintenance.lake import Lake
from analytics.maintenance.work import Report, Statements, compact, expire, forget, remove_orphans
from analytics.models import POOL as DBT_POOL

Work = Callable[[Statements, Maintenance], Report]

_RESOURCE = "trino"
_WRITER = "analytics"
# Nothing that cleans may meet itself; it collides with no writer.
_CLEANING_POOL = "cleaning"
# What a table may take of a run in which it is not alone, and what one statement may take of that.
_COMPACTION_SECONDS = 600
_STATEMENT_SECONDS = 900
_COMPACTION_TAGS = {"dagster/max_runtime": "2400"}
_CLEANING_TAGS = {"dagster/max_runtime": "7200"}
# A MERGE that came first is over soon; Trino, when it starts, takes about a minute.
_RETRIES = 3
_RETRY_SECONDS = 20


def open_lake(settings: TrinoSettings, *, statement_seconds: int = _STATEMENT_SECONDS) -> ResourceDefinition:
    """The lake as a resource: a session of Trino for each run."""

    @resource(description="The lake's tables, by Trino.")
    def lake(_: InitResourceContext) -> Iterator[Lake]:
        opened = Lake(settings, statement_seconds=statement_seconds)
        try:
            yield opened
        finally:
            opened.close()

    return lake


def build_maintenance_jobs(
    tables: Iterable[Maintenance], settings: TrinoSettings
) -> tuple[list[JobDefinition], list[ScheduleDefinition]]:
    """The jobs that maintain `tables`, and their schedules in UTC, on from the first start.

    `maintain` does everything at once, on demand; it has no schedule.
    """
    tables = tuple(tables)
    compactions = {table: _step(table, "compact", _compact, _pool(table)) for table in tables}
    cleanings = [
        step
        for table in tables
        for step in (
            # A table that keeps its rows for ever has no such step.
            *([_step(table, "forget", forget, _CLEANING_POOL)] if table.retention_days is not None else []),
            _step(table, "expire_snapshots", expire, _CLEANING_POOL),
            _step(table, "remove_orphans", remove_orphans, _CLEANING_POOL),
        )
    ]
    streamed = [step for table, step in compactions.items() if table.writer != _WRITER]
    built = [step for table, step in compactions.items() if table.writer == _WRITER]

    def job(name: str, description: str, steps: list[OpDefinition], tags: dict[str, str]) -> JobDefinition:
        return GraphDefinition(name=name, node_defs=steps).to_job(
            description=description,
            tags=tags,
            resource_defs={_RESOURCE: open_lake(settings)},
            executor_def=in_process_executor,
        )

    jobs = [
        job("compact_streamed", "Merges small files of the tables that rows stream into.", streamed, _COMPACTION_TAGS),
        job("compact_built", "Merges small files of the tables that dbt builds.", built, _COMPACTION_TAGS),
        job(
            "clean",
            "Deletes old rows, snapshots and orphan files.",
            cleanings,
            _CLEANING_TAGS,
        ),
        job("maintain", "All maintenance of every table, now.", [*compactions.values(), *cleanings], _CLEANING_TAGS),
    ]
    schedules = [
        _schedule("quarter_hourly_compaction", "compact_streamed", "*/15 * * * *"),
        # Half an hour after the build of Silver.
        _schedule("hourly_compaction", "compact_built", "30 * * * *"),
        _schedule("six_hourly_cleaning", "clean", "40 */6 * * *"),
    ]
    return jobs, schedules


def describe(report: Report) -> dict[str, Any]:
    """A report as metadata: each figure before and after, what Trino counted, and the note."""
    told: dict[str, Any] = {f"trino_{name}": value for name, value in report.done.items()}
    for moment, state in (("before", report.before), ("after", report.after)):
        if state is not None:
            told |= {f"{name}_{moment}": value for name, value in state.figures().items()}
    return told | ({"note": report.note} if report.note else {})


def _compact(lake: Statements, table: Maintenance) -> Report:
    return compact(lake, table, seconds=_COMPACTION_SECONDS)


def _step(table: Maintenance, kind: str, work: Work, pool: str) -> OpDefinition:
    @op(
        name=f"{kind}_{table.namespace}_{table.name}",
        description=f"{kind} of {table.identifier}".replace("_", " ", 1).capitalize(),
        pool=pool,
        required_resource_keys={_RESOURCE},
    )
    def step(context: OpExecutionContext) -> None:
        try:
            report = work(getattr(context.resources, _RESOURCE), table)
        except Transient as error:
            raise RetryRequested(max_retries=_RETRIES, seconds_to_wait=_RETRY_SECONDS) from error
        except PipelineError as error:
            raise Failure(f"{table.identifier}: {error}", allow_retries=False) from error
        told = describe(report)
        context.log.info("%s: %s", table.identifier, report.note or "done")
        context.log_event(AssetObservation(AssetKey([table.namespace, table.name]), metadata=told))
        context.add_output_metadata(told)

    return step


def _pool(table: Maintenance) -> str:
    """What may not run at once: whatever dbt writes with a build, and a table's compaction with itself."""
    return DBT_POOL if table.writer == _WRITER else f"compact_{table.namespace}_{table.name}"


def _schedule(name: str, job: str, cron: str) -> ScheduleDefinition:
    return ScheduleDefinition(name=name, job_name=job, cron_schedule=cron, default_status=DefaultScheduleStatus.RUNNING)
