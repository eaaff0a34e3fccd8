"""The jobs that maintain tables: their steps, their pools, and what a failure does to the others."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import pytest
from analytics.maintenance import jobs
from analytics.maintenance.jobs import build_maintenance_jobs, describe
from analytics.maintenance.work import Partition, Report, State
from dagster import DagsterInstance, DefaultScheduleStatus, ExecuteInProcessResult, JobDefinition, ResourceDefinition
from kit.errors import Fault, Transient
from kit.settings import TrinoSettings
from payments_contracts.maintenance import MAINTAINED

STREAMED = [each for each in MAINTAINED if each.writer != "analytics"]
BUILT = [each for each in MAINTAINED if each.writer == "analytics"]
Failures = dict[str, Exception]


def names(kind: str, tables: Sequence[Any]) -> set[str]:
    return {f"{kind}_{table.namespace}_{table.name}" for table in tables}


@pytest.fixture(scope="module")
def built() -> dict[str, JobDefinition]:
    return {job.name: job for job in build_maintenance_jobs(MAINTAINED, TrinoSettings())[0]}


class EmptyLake:
    """Says that each table is empty; fails for the tables that it was told to, as often as it was told to."""

    catalog = "lake"

    def __init__(self, failures: Failures, times: int) -> None:
        self._failures, self._times = failures, times

    def history_kept(self, namespace: str, name: str) -> AbstractContextManager[None]:
        return nullcontext()

    def ask(self, statement: str) -> Sequence[Sequence[Any]]:
        for name, error in self._failures.items():
            if name in statement and self._times:
                self._times -= 1
                raise error
        return [] if "$files" in statement or statement.startswith("alter") else [[0]]

    def close(self) -> None:
        pass


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ExecuteInProcessResult]:
    """Run a job on a lake that fails for some tables."""

    def execute(name: str, failures: Failures, times: int = 99) -> ExecuteInProcessResult:
        lake = ResourceDefinition.hardcoded_resource(EmptyLake(failures, times))
        monkeypatch.setattr(jobs, "open_lake", lambda settings: lake)
        monkeypatch.setattr(jobs, "_RETRY_SECONDS", 0)
        job = next(job for job in build_maintenance_jobs(MAINTAINED, TrinoSettings())[0] if job.name == name)
        with DagsterInstance.ephemeral() as instance:
            return job.execute_in_process(instance=instance, raise_on_error=False)

    return execute


def outcomes(result: ExecuteInProcessResult) -> dict[str, bool]:
    ended = (event for event in result.all_events if event.is_step_success or event.is_step_failure)
    return {event.step_key or "": event.is_step_success for event in ended}


def test_every_table_of_the_contracts_is_compacted_and_cleaned(built: dict[str, JobDefinition]) -> None:
    steps = {name: {node.name for node in job.nodes} for name, job in built.items()}
    cleaning = names("expire_snapshots", MAINTAINED) | names("remove_orphans", MAINTAINED)
    cleaning |= names("forget", [table for table in MAINTAINED if table.retention_days is not None])
    assert steps == {
        "compact_streamed": names("compact", STREAMED),
        "compact_built": names("compact", BUILT),
        "clean": cleaning,
        "maintain": names("compact", MAINTAINED) | cleaning,
    }


def test_what_dbt_writes_is_compacted_only_while_dbt_does_not_run(built: dict[str, JobDefinition]) -> None:
    pools = {node.name: node.definition.pool for node in built["maintain"].nodes}  # type: ignore[attr-defined]
    assert {pools[name] for name in names("compact", BUILT)} == {"dbt"}
    assert {pools[name] for name in names("compact", STREAMED)} == names("compact", STREAMED)


def test_every_job_is_bounded_in_time(built: dict[str, JobDefinition]) -> None:
    assert all(int(job.tags["dagster/max_runtime"]) > 0 for job in built.values())


def test_maintenance_is_scheduled_and_on_from_the_first_start() -> None:
    schedules = build_maintenance_jobs(MAINTAINED, TrinoSettings())[1]
    assert {(each.job_name, each.cron_schedule) for each in schedules} == {
        ("compact_streamed", "*/15 * * * *"),
        ("compact_built", "30 * * * *"),
        ("clean", "40 */6 * * *"),
    }
    assert {each.default_status for each in schedules} == {DefaultScheduleStatus.RUNNING}


def test_the_failure_of_one_table_does_not_keep_another_from_its_maintenance(
    run: Callable[..., ExecuteInProcessResult],
) -> None:
    failed, *others = BUILT
    result = run("compact_built", {failed.name: Fault("it is broken")})
    told = outcomes(result)
    assert not result.success
    assert [name for name, fine in told.items() if not fine] == list(names("compact", [failed]))
    assert names("compact", others) == {name for name, fine in told.items() if fine}


def test_what_may_pass_is_tried_again(run: Callable[..., ExecuteInProcessResult]) -> None:
    assert run("compact_streamed", {STREAMED[0].name: Transient("another writer came first")}, times=2).success


def test_a_trino_that_stays_away_fails_the_run_with_its_reason(run: Callable[..., ExecuteInProcessResult]) -> None:
    result = run("compact_streamed", {STREAMED[0].name: Transient("Trino at nowhere does not answer")})
    failure = next(event for event in result.all_events if event.is_step_failure)
    assert "Trino at nowhere does not answer" in str(failure.step_failure_data.error_display_string)


def test_each_table_tells_what_it_was_and_what_it_is() -> None:
    before = State((Partition(None, files=3, small=3, size=30, rows=9),), manifests=4, snapshots=5)
    after = replace(before, partitions=(Partition(None, files=1, small=1, size=20, rows=9),))
    told = describe(Report(before, after, {"added_data_files_count": 1}))
    assert (told["files_before"], told["files_after"]) == (3, 1)
    assert (told["rows_before"], told["rows_after"]) == (9, 9)
    assert told["trino_added_data_files_count"] == 1


def test_the_figures_are_observations_of_the_table_as_an_asset(run: Callable[..., ExecuteInProcessResult]) -> None:
    observed = [event for event in run("compact_streamed", {}).all_events if event.is_asset_observation]
    assert {tuple(event.asset_key.path) for event in observed if event.asset_key} == {
        (table.namespace, table.name) for table in STREAMED
    }
