"""What the watcher reads of the job beside its state: counters, lost transactions, and that it refuses to go on."""

from datetime import datetime, timedelta
from threading import Event

import pytest
from normalizer.errors import ClusterAway
from normalizer.job import Restoration
from normalizer.metrics import NormalizerMetrics
from normalizer.watcher import Watcher

from services.normalizer.tests.flink import NOW, FakeFlink, FakeJob
from services.normalizer.tests.watching import SAME, FakePacer, TickingClock


def test_goes_on_when_the_statistics_cannot_be_read(
    flink: FakeFlink, watcher: Watcher, metrics: NormalizerMetrics, stop: Event
) -> None:
    job = flink.add(FakeJob("old", parameters=dict(SAME)))
    flink.statistics_fail = True
    looks: list[int] = []

    def on_look() -> None:
        looks.append(1)
        if len(looks) == 20:
            stop.set()

    flink.on_look = on_look

    watcher.run()

    assert metrics.statistics_failures._value.get() >= 2
    assert job.state == "FINISHED"


@pytest.mark.parametrize(("age", "lost"), [(timedelta(days=2), 0), (timedelta(days=4), 3)])
def test_tells_of_transactions_that_are_lost(  # noqa: PLR0917  # fixtures
    flink: FakeFlink,
    watcher: Watcher,
    metrics: NormalizerMetrics,
    stop: Event,
    recovers_from: list[datetime],
    age: timedelta,
    lost: int,
) -> None:
    recovers_from[0] = NOW - age
    flink.metrics = {"normalized[5]__Committer.failedCommittables": 2.0, "dlq[7]__Committer.failedCommittables": 1.0}
    flink.on_look = lambda: stop.set() if "GET /jobs/new/vertices/v0/subtasks/metrics" in flink.requests else None

    watcher.run()

    assert metrics.lost_transactions._value.get() == lost


@pytest.mark.parametrize(("age", "lost"), [(timedelta(hours=71), 0), (timedelta(hours=73), 3), (None, 0)])
def test_tells_of_transactions_that_a_job_has_lost_which_its_job_manager_began_again(  # noqa: PLR0917  # fixtures
    flink: FakeFlink,
    watcher: Watcher,
    metrics: NormalizerMetrics,
    stop: Event,
    states: dict[int, datetime],
    age: timedelta | None,
    lost: int,
) -> None:
    # A day passed between that and the start of this program: what counts is when the job went back to its state.
    back = NOW - timedelta(days=1)
    flink.add(FakeJob("old", parameters=dict(SAME), restored=1, restored_at=back))
    flink.metrics = {"normalized[5]__Committer.failedCommittables": 3.0}
    if age is not None:
        states[41] = back - age
    flink.on_look = lambda: stop.set() if "GET /jobs/old/vertices/v0/subtasks/metrics" in flink.requests else None

    watcher.run()

    assert metrics.lost_transactions._value.get() == lost


def test_asks_again_how_old_the_state_was_that_a_job_had_gone_back_to(
    flink: FakeFlink, watcher: Watcher, metrics: NormalizerMetrics, stop: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    flink.add(FakeJob("old", parameters=dict(SAME), restored=1))
    flink.metrics = {"normalized[5]__Committer.failedCommittables": 3.0}
    read = "GET /jobs/old/vertices/v0/subtasks/metrics"
    flink.on_look = lambda: stop.set() if flink.requests.count(read) > 4 else None
    asked: list[Restoration] = []

    def written_at(restoration: Restoration) -> datetime:
        asked.append(restoration)
        if len(asked) < 3:
            raise ClusterAway("the object store does not answer")
        return NOW - timedelta(days=4)

    monkeypatch.setattr(watcher._recoveries, "_written_at", written_at)

    watcher.run()

    assert len(asked) == 3
    assert metrics.lost_transactions._value.get() == 3


def test_a_job_that_its_restarted_job_manager_began_again_has_recovered_though_as_often_as_before(
    flink: FakeFlink, watcher: Watcher, metrics: NormalizerMetrics, stop: Event, clock: TickingClock
) -> None:
    job = flink.add(FakeJob("old", parameters=dict(SAME), restored=1))
    read = "GET /jobs/old/vertices/v0/subtasks/metrics"
    flink.metrics = {"normalized[5]__Committer.failedCommittables": 0.0}

    def on_look() -> None:
        if flink.requests.count(read) > 2 and job.began_at == NOW:
            clock.now += timedelta(minutes=2)
            job.began_at = clock.now
            flink.metrics = dict.fromkeys(flink.metrics, 1.0)
        elif flink.requests.count(read) > 4:
            stop.set()

    flink.on_look = on_look

    watcher.run()

    # What the checkpoint names is committed once more, and refused where it had been committed.
    assert metrics.lost_transactions._value.get() == 0


# As it is where a Python function raises: with the line that raised it before the error itself.
FLOOD = (
    "java.lang.RuntimeException: Error received from SDK harness\n\tat a.B\n    raise TooManyDeadLetters(\n"
    "normalizer.errors.TooManyDeadLetters: 21 of 30 messages could not be used\n"
)


def until_it_holds(pacer: FakePacer, watcher: Watcher, stop: Event) -> None:
    """Stop the watcher once it holds."""

    def follow(job_id: str | None) -> None:
        pacer.followed.append(job_id)
        if pacer.followed.count(None) == 2:
            stop.set()

    pacer.follow = follow  # type: ignore[method-assign]
    watcher.run()


class Flapping:
    """A flooded job: of what the job manager tells at each look, the last is told for ever."""

    def __init__(self, flink: FakeFlink, *looks: tuple[str, str, int]) -> None:
        self.job = flink.add(FakeJob("old", parameters=dict(SAME), stacktrace=FLOOD))
        self.flink = flink
        self.looks = list(looks)
        self.at: list[str] = []
        flink.on_look = self.look
        flink.on_request = self.note

    def look(self) -> None:
        if self.job.state in {"FINISHED", "CANCELED"}:
            return
        state, task, self.job.restored = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        self.job.state, self.job.tasks = state, (task, "RUNNING")

    def note(self) -> None:
        if self.flink.requests[-1] in {"POST /jobs/old/stop", "PATCH /jobs/old"}:
            self.at.append(f"{self.flink.requests[-1].split()[0]} {self.job.state} {self.job.tasks[0]}")


def test_a_flooded_job_ends_when_its_tasks_have_run_again_so_that_no_transaction_stays_open(
    flink: FakeFlink, watcher: Watcher, pacer: FakePacer, stop: Event
) -> None:
    looks = [("RESTARTING", "CANCELED", 0), ("RUNNING", "INITIALIZING", 1), ("RUNNING", "RUNNING", 1)]
    flapping = Flapping(flink, *looks)

    until_it_holds(pacer, watcher, stop)

    assert flapping.at == ["POST RUNNING RUNNING"]
    assert flapping.job.state == "FINISHED"
    # Once before it is asked to stop, and once it is held.
    assert pacer.followed == ["old", None, None]


def test_a_flooded_job_that_fails_once_more_before_its_savepoint_is_canceled_after_it_has_run_again(
    flink: FakeFlink, watcher: Watcher, pacer: FakePacer, stop: Event
) -> None:
    looks = [("RUNNING", "RUNNING", 1), ("RUNNING", "RUNNING", 1), ("RUNNING", "RUNNING", 1)]
    flapping = Flapping(
        flink, *looks, ("RESTARTING", "CANCELED", 1), ("RUNNING", "INITIALIZING", 2), ("RUNNING",) * 2 + (2,)
    )
    flapping.job.savepoint = {"failure-cause": {"stack-trace": "FlinkException: stop with savepoint failed"}}

    until_it_holds(pacer, watcher, stop)

    assert flapping.at == ["POST RUNNING RUNNING", "PATCH RUNNING RUNNING"]
    assert len(flapping.looks) == 1


def test_a_flooded_job_whose_tasks_never_run_again_is_canceled_in_the_end(
    flink: FakeFlink, watcher: Watcher, pacer: FakePacer, stop: Event
) -> None:
    flapping = Flapping(flink, ("RESTARTING", "CANCELED", 0))

    until_it_holds(pacer, watcher, stop)

    assert flapping.at == ["PATCH RESTARTING CANCELED"]
    assert flink.requests.count("GET /jobs/old") > 20


def test_a_flooded_job_is_ended_also_when_the_job_manager_is_away_meanwhile(
    flink: FakeFlink, watcher: Watcher, pacer: FakePacer, stop: Event
) -> None:
    flapping = Flapping(flink, ("RESTARTING", "CANCELED", 0), ("RESTARTING", "CANCELED", 0), ("RUNNING", "RUNNING", 1))
    look = flapping.look

    def on_look() -> None:
        look()
        flink.broken = flink.requests.count("GET /jobs/old") == 2

    def on_request() -> None:
        flapping.note()
        flink.broken = flink.broken and flink.requests.count("GET /jobs/old") < 5

    flink.on_look, flink.on_request = on_look, on_request

    until_it_holds(pacer, watcher, stop)

    assert flapping.at == ["POST RUNNING RUNNING"]


def test_told_to_stop_before_a_flooded_job_runs_again_it_leaves_it_to_the_next_program(
    flink: FakeFlink, watcher: Watcher, stop: Event
) -> None:
    flapping = Flapping(flink, ("RESTARTING", "CANCELED", 0))
    flink.on_request = lambda: stop.set() if flink.requests.count("GET /jobs/old") == 5 else flapping.note()

    watcher.run()

    assert flapping.at == []


def test_holds_a_job_that_refuses_too_many_messages_and_says_why(
    flink: FakeFlink, watcher: Watcher, pacer: FakePacer, stop: Event
) -> None:
    flapping = Flapping(flink, ("RUNNING", "RUNNING", 1))
    told: list[str | None] = []
    flink.on_request = lambda: told.append(watcher.check()) if flink.requests[-1] == "POST /jobs/old/stop" else None

    until_it_holds(pacer, watcher, stop)

    told.append(watcher.check())
    reason = "21 of 30 messages could not be used"
    assert told == [
        f"job old is being stopped: {reason}",
        f"job old is stopped with a savepoint: normalizer.errors.TooManyDeadLetters: {reason}",
    ]
    assert flapping.job.state == "FINISHED"
    assert "SUBMIT" not in flink.requests
