"""Runs told as OpenLineage: which job read which tables and made which, from when to when.

Specification: https://openlineage.io/docs/spec/object-model; names of datasets as in https://openlineage.io/docs/spec/naming.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from dagster import (
    AssetKey,
    DagsterEventType,
    DagsterInstance,
    DagsterRunStatus,
    DefaultSensorStatus,
    RunRecord,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph
from kit.clock import Clock, utc_now
from kit.errors import Transient
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.transport.http import HttpConfig, HttpTransport
from requests import RequestException

from analytics.settings import AnalyticsSettings
from analytics.topics import LAYER as KAFKA

NAMESPACE: Final = "payments"
_PRODUCER: Final = "payments-analytics"
_SECONDS: Final = 60
_RUNS: Final = 50
_ENDINGS: Final = {
    DagsterRunStatus.SUCCESS: RunState.COMPLETE,
    DagsterRunStatus.FAILURE: RunState.FAIL,
    DagsterRunStatus.CANCELED: RunState.ABORT,
}

Emit = Callable[[RunEvent], object]


def open_endpoint(url: str) -> Emit:
    """Return what sends an event to an OpenLineage endpoint; its path is `/api/v1/lineage`."""
    return OpenLineageClient(transport=HttpTransport(HttpConfig(url=url))).emit


def build_lineage_sensor(settings: AnalyticsSettings, emit: Emit, clock: Clock = utc_now) -> SensorDefinition:
    """The sensor that tells of each run once it has ended: its start, and its end."""

    @sensor(
        name="openlineage",
        description="Tells the endpoint of OPENLINEAGE_URL of each run that ended.",
        minimum_interval_seconds=_SECONDS,
        default_status=DefaultSensorStatus.RUNNING,
    )
    def openlineage(context: SensorEvaluationContext) -> SensorResult:
        since = datetime.fromisoformat(context.cursor) if context.cursor else clock()
        if context.repository_def is None:
            raise ValueError("A sensor is evaluated with the repository that it is in.")
        graph = context.repository_def.asset_graph
        told = 0
        ended = RunsFilter(statuses=list(_ENDINGS), updated_after=since)
        for record in context.instance.get_run_records(ended, limit=_RUNS, order_by="update_timestamp", ascending=True):
            try:
                for event in describe(context.instance, record, graph, settings):
                    _send(emit, event)
            except Transient:
                # A look that fails forgets what it told; the next one begins with this run, and fails if it has to.
                if not told:
                    raise
                break
            since = datetime.fromtimestamp(record.update_timestamp.timestamp(), UTC)
            told += 1
        return SensorResult(skip_reason=SkipReason(f"told of {told} runs"), cursor=since.isoformat())

    return openlineage


def describe(
    instance: DagsterInstance, record: RunRecord, graph: BaseAssetGraph[Any], settings: AnalyticsSettings
) -> Iterator[RunEvent]:
    """Yield the start and the end of a run that has ended, with what it made and what it made that from."""
    run = record.dagster_run
    made = {
        event.asset_key
        for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION)
        if (event := entry.dagster_event) is not None and event.asset_key is not None
    }
    read = {parent for key in made if graph.has(key) for parent in graph.get(key).parent_keys} - made
    inputs = [InputDataset(*_dataset(key, settings)) for key in sorted(read)]
    outputs = [OutputDataset(*_dataset(key, settings)) for key in sorted(made)]
    started = record.start_time or record.create_timestamp.timestamp()
    for state, moment in ((RunState.START, started), (_ENDINGS[run.status], record.end_time or started)):
        yield RunEvent(
            eventTime=datetime.fromtimestamp(moment, UTC).isoformat(),
            eventType=state,
            run=Run(runId=run.run_id),
            job=Job(namespace=NAMESPACE, name=run.job_name),
            inputs=inputs,
            outputs=outputs,
            producer=_PRODUCER,
        )


def _dataset(key: AssetKey, settings: AnalyticsSettings) -> tuple[str, str]:
    layer, *rest = key.path
    if layer == KAFKA:
        return f"kafka://{settings.kafka_bootstrap_servers.split(',')[0]}", ".".join(rest)
    return f"trino://{settings.trino_host}:{settings.trino_port}", ".".join((settings.trino_catalog, layer, *rest))


def _send(emit: Emit, event: RunEvent) -> None:
    try:
        emit(event)
    except RequestException as error:
        raise Transient(f"The endpoint of OPENLINEAGE_URL does not take events ({type(error).__name__}).") from error
