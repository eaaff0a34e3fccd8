"""What is looked at every minute: whether Bronze keeps up, how much is quarantined, the audit, and how runs ended.

Each look costs a request or two. What it finds wrong is an alert that stands until a later look finds it mended.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from dagster import (
    AssetCheckKey,
    AssetKey,
    AssetObservation,
    DagsterInstance,
    DagsterRunStatus,
    DefaultSensorStatus,
    MetadataValue,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from kit.clock import Clock, utc_now
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS, BRONZE_PROVIDER_EVENTS, BRONZE_QUARANTINE

from analytics.alerts import AUDIT_DIFFERENCES, BRONZE_STALE, QUARANTINE_RATE_HIGH, RUN_FAILED, Alert, Alerts
from analytics.audit import CHECK_NAME as AUDIT
from analytics.bronze import Sight, Written
from analytics.freshness import KEEPS_UP_WITHIN
from analytics.settings import StreamSettings
from analytics.stream import Stream
from analytics.topics import observe_topics

EVENTS: Final = BRONZE_PAYMENT_EVENTS.identifier
LETTERS: Final = BRONZE_QUARANTINE.identifier
_LOOK_SECONDS: Final = 60
_OBSERVE_SECONDS: Final = 600
_WINDOW: Final = timedelta(minutes=15)
_RATE: Final = 0.05
_SPARED: Final = 20
_RUNS: Final = 100
_PARTITION: Final = "dagster/partition"
"""The tag by which Dagster names the partition of a run."""

Memory = dict[str, Any]
"""What a sensor keeps for its next look, as JSON."""
Look = Callable[[SensorEvaluationContext, Memory], tuple[Sequence[Alert], Memory]]


def build_sensors(
    alerts: Alerts, sight: Sight, settings: StreamSettings, clock: Clock = utc_now
) -> list[SensorDefinition]:
    """The sensors, on from the first start. Those that look at topics are there where Kafka is known."""
    sensors = [
        _watching(
            "quarantine_rate",
            "Whether much of what comes is quarantined.",
            alerts,
            lambda _, memory: look_at_quarantine(sight.tables(EVENTS, LETTERS), memory, clock()),
        ),
        _watching(
            "audit_outcome",
            "Whether the last audit found differences.",
            alerts,
            lambda context, memory: (look_at_audit(context.instance), memory),
        ),
        _watching(
            "failed_runs",
            "Whether the last run of a job failed.",
            alerts,
            lambda context, memory: look_at_runs(context.instance, memory, clock()),
        ),
    ]
    if not settings.kafka_bootstrap_servers:
        return sensors
    stale = _watching(
        "bronze_freshness",
        f"Whether rows come into Bronze within {KEEPS_UP_WITHIN.seconds} s while events come.",
        alerts,
        lambda _, memory: (look_at_bronze(sight), memory),
    )
    return [stale, *sensors, build_observation(sight, settings)]


def _watching(name: str, description: str, alerts: Alerts, look: Look) -> SensorDefinition:
    @sensor(
        name=name,
        description=description,
        minimum_interval_seconds=_LOOK_SECONDS,
        default_status=DefaultSensorStatus.RUNNING,
    )
    def watching(context: SensorEvaluationContext) -> SensorResult:
        before = json.loads(context.cursor) if context.cursor else {"standing": [], "memory": {}}
        found, memory = look(context, before["memory"])
        standing = alerts.tell(before["standing"], found)
        said = "; ".join(each.summary for each in found) or "nothing is wrong"
        return SensorResult(
            skip_reason=SkipReason(said), cursor=json.dumps({"standing": standing, "memory": memory}, default=str)
        )

    return watching


def look_at_bronze(sight: Sight) -> list[Alert]:
    """Return an alert where events wait for their rows and none come.

    Raises:
        Transient: Kafka or the catalog does not answer.
    """
    late = sight.late(sight.tables(EVENTS)[EVENTS], KEEPS_UP_WITHIN)
    if not late.records:
        return []
    since = "ever" if late.since is None else f"since {late.since:%Y-%m-%d %H:%M:%S} UTC"
    return [Alert(BRONZE_STALE, f"{late.records} normalized records wait for their rows; none came {since}")]


def look_at_quarantine(
    tables: Mapping[str, Written | None], memory: Memory, now: datetime
) -> tuple[list[Alert], Memory]:
    """Compare what was quarantined within a quarter of an hour with what came into Bronze.

    `memory` has a sample of both totals for each look. Where one has shrunk (rows were deleted), samples begin anew.
    """
    events, letters = (0 if (table := tables[name]) is None else table.rows for name in (EVENTS, LETTERS))
    samples = [each for each in memory.get("samples", []) if datetime.fromisoformat(each[0]) > now - _WINDOW]
    if samples and (events < samples[-1][1] or letters < samples[-1][2]):
        samples = []
    samples.append([now.isoformat(), events, letters])
    _, first_events, first_letters = samples[0]
    quarantined, passed = letters - first_letters, events - first_events
    found = []
    if quarantined > _SPARED and quarantined / (quarantined + passed) > _RATE:
        share = quarantined / (quarantined + passed)
        found = [
            Alert(
                QUARANTINE_RATE_HIGH,
                f"{quarantined} events were quarantined within a quarter of an hour, {share:.0%} of what came",
            )
        ]
    return found, {"samples": samples}


def look_at_audit(instance: DagsterInstance) -> list[Alert]:
    """Return an alert for each hop of which the last audit that came to an end had open differences."""
    ended = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}
    key = AssetCheckKey(AssetKey(EVENTS.split(".")), AUDIT)
    history = instance.event_log_storage.get_asset_check_execution_history(key, limit=1, status=ended)
    if not history or history[0].status is not AssetCheckExecutionRecordStatus.FAILED or history[0].event is None:
        return []
    event = history[0].event.dagster_event
    metadata = {} if event is None else event.asset_check_evaluation_data.metadata
    return [
        Alert(
            AUDIT_DIFFERENCES,
            f"{entry.value} events are missing or differ at the hop {hop}",
            {"hop": hop},
            f"/runs/{history[0].run_id}",
        )
        for name, entry in metadata.items()
        if (hop := name.removeprefix("open_")) != name and entry.value
    ]


def look_at_runs(instance: DagsterInstance, memory: Memory, now: datetime) -> tuple[list[Alert], Memory]:
    """Return an alert for each job whose last run failed, a run that took too long among them.

    Of a job with partitions the last run of each counts: that another day was built mends nothing. The first look
    begins with the runs that end from then on. What somebody materializes by hand is no job's run.
    """
    since = datetime.fromisoformat(memory.get("since", now.isoformat()))
    failing: dict[str, str] = dict(memory.get("failing", {}))
    """The run that failed, by the job, or by the job and its partition."""
    ended = RunsFilter(statuses=[DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE], updated_after=since)
    for record in instance.get_run_records(ended, limit=_RUNS, order_by="update_timestamp", ascending=True):
        run = record.dagster_run
        built = " ".join((run.job_name, run.tags.get(_PARTITION, ""))).rstrip()
        since = datetime.fromtimestamp(record.update_timestamp.timestamp(), UTC)
        if run.status is DagsterRunStatus.SUCCESS:
            failing.pop(built, None)
        elif not run.job_name.startswith("__"):
            failing[built] = run.run_id
    jobs: dict[str, list[str]] = {}
    for built in failing:
        jobs.setdefault(built.partition(" ")[0], []).append(built)
    found = [
        Alert(
            RUN_FAILED,
            f"the last run of the job {of[0]} failed" + (f", and those of {len(of) - 1} other days" if of[1:] else ""),
            {"dagster_job": job},
            f"/runs/{failing[of[0]]}",
        )
        for job, of in jobs.items()
    ]
    return found, {"since": since.isoformat(), "failing": failing}


def build_observation(sight: Sight, settings: StreamSettings) -> SensorDefinition:
    """The sensor that notes what topics and the tables that are written from them have."""

    @sensor(
        name="observe_topics",
        description="What each topic has and how far its readers are behind; rows of Bronze, and when they came.",
        minimum_interval_seconds=_OBSERVE_SECONDS,
        default_status=DefaultSensorStatus.RUNNING,
    )
    def observing() -> SensorResult:
        with Stream(settings.kafka) as stream:
            found = list(observe_topics(stream, settings))
        tables = sight.tables(EVENTS, LETTERS, BRONZE_PROVIDER_EVENTS.identifier)
        for identifier, table in tables.items():
            if table is not None and table.at is not None:
                told = {"rows": MetadataValue.int(table.rows), "newest_rows": MetadataValue.timestamp(table.at)}
                found.append(AssetObservation(AssetKey(identifier.split(".")), metadata=told))
        return SensorResult(asset_events=found)

    return observing
