import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from stack.errors import StackError
from stack.jobs import Job, State, Task, ordered, run_jobs


class Unseen:
    """A view that nobody looks at."""

    def update(self, tasks: Sequence[Task]) -> None:
        return


def job(name: str, *after: str, log: list[str] | None = None) -> Job:
    return Job(name, lambda task: (log if log is not None else []).append(task.name), frozenset(after))


def test_each_job_comes_after_those_it_waits_for() -> None:
    names = [each.name for each in ordered([job("c", "a", "b"), job("b", "a"), job("a")])]
    assert names == ["a", "b", "c"]


def test_refuses_jobs_that_wait_for_each_other() -> None:
    with pytest.raises(ValueError, match="wait for each other: a, b"):
        ordered([job("a", "b"), job("b", "a")])


def test_refuses_a_job_that_waits_for_an_unknown_one() -> None:
    with pytest.raises(ValueError, match="a waits for unknown jobs: z"):
        ordered([job("a", "z")])


def test_runs_jobs_in_the_order_of_their_needs(tmp_path: Path) -> None:
    seen: list[str] = []
    tasks = run_jobs([job("b", "a", log=seen), job("a", log=seen)], Unseen(), tmp_path)
    assert seen == ["a", "b"]
    assert {task.state for task in tasks} == {State.DONE}


def test_independent_jobs_run_at_the_same_time(tmp_path: Path) -> None:
    meeting = threading.Barrier(2, timeout=10)
    run_jobs([Job(name, lambda _: void(meeting.wait())) for name in "ab"], Unseen(), tmp_path)


def void(_: object) -> None:
    return


def test_a_failure_stops_the_others_and_starts_no_more(tmp_path: Path) -> None:
    seen: list[str] = []

    def fail(_: Task) -> None:
        raise StackError("broken")

    jobs = [Job("bad", fail), Job("slow", lambda task: task.run(["sleep", "60"])), job("next", "bad", log=seen)]
    with pytest.raises(StackError, match="broken"):
        run_jobs(jobs, Unseen(), tmp_path)
    assert not seen


def test_a_failing_command_is_reported_with_its_log(tmp_path: Path) -> None:
    def fail(task: Task) -> None:
        task.run(["sh", "-c", "echo the reason; exit 3"])

    with pytest.raises(StackError, match="build failed: sh ended with code 3") as caught:
        run_jobs([Job("build", fail)], Unseen(), tmp_path)
    assert caught.value.log is not None
    assert caught.value.log.read_text() == "the reason\n"


def test_a_missing_program_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="cannot run no-such-program"):
        run_jobs([Job("build", lambda task: task.run(["no-such-program"]))], Unseen(), tmp_path)
