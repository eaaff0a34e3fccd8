from datetime import UTC, datetime, timedelta

import pytest
from normalizer.job import JobSummary, JobView, Phase, judge, living

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
STALL = timedelta(seconds=30)


def phase(
    state: str = "RUNNING", tasks: tuple[str, ...] = ("RUNNING", "RUNNING"), checkpoints: int = 1, age: int = 0
) -> Phase:
    checkpointed_at = NOW - timedelta(seconds=age) if checkpoints else None
    return judge(JobView(state, NOW, tasks, checkpoints, 0, checkpointed_at), now=NOW, stall=STALL).phase


def test_is_ready_when_all_tasks_run_and_a_checkpoint_is_complete() -> None:
    assert phase() is Phase.READY


def test_is_starting_until_the_first_checkpoint() -> None:
    assert phase(checkpoints=0) is Phase.STARTING


def test_is_starting_while_tasks_deploy() -> None:
    assert phase(tasks=("RUNNING", "INITIALIZING"), checkpoints=0) is Phase.STARTING


def test_is_starting_while_there_are_no_tasks_yet() -> None:
    assert phase(tasks=(), checkpoints=0) is Phase.STARTING


@pytest.mark.parametrize("state", ["CREATED", "INITIALIZING"])
def test_is_starting_before_the_job_runs(state: str) -> None:
    assert phase(state=state, checkpoints=0) is Phase.STARTING


@pytest.mark.parametrize("state", ["RESTARTING", "FAILING", "RECONCILING"])
def test_is_recovering_while_flink_restarts_it(state: str) -> None:
    assert phase(state=state) is Phase.RECOVERING


def test_is_recovering_while_tasks_come_back() -> None:
    assert phase(tasks=("SCHEDULED",)) is Phase.RECOVERING


def test_is_stalled_when_checkpoints_no_longer_complete() -> None:
    assert phase(age=31) is Phase.STALLED


@pytest.mark.parametrize("state", ["FINISHED", "CANCELED", "FAILED", "SUSPENDED"])
def test_has_ended_in_every_final_state(state: str) -> None:
    assert phase(state=state) is Phase.ENDED


def test_only_living_jobs_of_the_name_count() -> None:
    mine, gone, other = (
        JobSummary("1", "normalizer", "RESTARTING"),
        JobSummary("2", "normalizer", "FINISHED"),
        JobSummary("3", "another", "RUNNING"),
    )

    assert living((mine, gone, other), "normalizer") == (mine,)
