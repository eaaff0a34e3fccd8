from datetime import datetime, timedelta
from threading import Event

import pytest
from kit.errors import Fault
from normalizer.cluster import Cluster
from normalizer.configuration import FINGERPRINT
from normalizer.errors import ClusterAway, JobEnded
from normalizer.metrics import NormalizerMetrics
from normalizer.pacer import Pacer
from normalizer.watcher import Plan, Started, Watcher
from prometheus_client import CollectorRegistry

from services.normalizer.tests.flink import NOW, FakeFlink, FakeJob


class Impatient(Event):
    """An event whose waits take no time."""

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(0)


@pytest.fixture
def stop() -> Event:
    return Impatient()


SAME = {FINGERPRINT: "f1"}
PLAN = Plan(
    name="normalizer-stripe",
    former_name="normalizer",
    fingerprint="f1",
    savepoint_dir="s3://flink/savepoints/normalizer",
    start_timeout_s=60,
    stop_timeout_s=5,
    checkpoint_stall_s=30,
    transaction_timeout=timedelta(days=3),
)


class TickingClock:
    """A clock that moves on by a second at each look."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


class FakePacer(Pacer):
    """Remembers which jobs it was told to follow, and fails where a test wants it to."""

    def __init__(self) -> None:
        self.followed: list[str | None] = []
        self.fault: Fault | None = None

    def follow(self, job_id: str | None) -> None:
        self.followed.append(job_id)

    def check(self) -> None:
        if self.fault is not None:
            raise self.fault


@pytest.fixture
def pacer() -> FakePacer:
    return FakePacer()


@pytest.fixture
def metrics() -> NormalizerMetrics:
    return NormalizerMetrics(CollectorRegistry())


@pytest.fixture
def recovers_from() -> list[datetime]:
    """When the state was written that a new job goes on from; a test may change it."""
    return [NOW]


@pytest.fixture
def watcher(  # noqa: PLR0917  # fixtures
    flink: FakeFlink,
    cluster: Cluster,
    pacer: FakePacer,
    metrics: NormalizerMetrics,
    stop: Event,
    recovers_from: list[datetime],
) -> Watcher:
    def submit() -> Started:
        flink.requests.append("SUBMIT")
        return Started(flink.add(FakeJob("new", parameters=dict(SAME), restored=1)).id, recovers_from[0])

    return Watcher(PLAN, cluster=cluster, submit=submit, pacer=pacer, metrics=metrics, stop=stop, clock=TickingClock())


def test_submits_the_job_when_there_is_none(flink: FakeFlink, watcher: Watcher, stop: Event) -> None:
    flink.on_look = stop.set

    watcher.run()

    assert "SUBMIT" in flink.requests


def test_ends_the_job_of_all_providers_before_it_starts_its_own(
    flink: FakeFlink, watcher: Watcher, stop: Event
) -> None:
    former = flink.add(FakeJob("former", name="normalizer"))
    other = flink.add(FakeJob("other", name="normalizer-square"))
    flink.on_look = stop.set

    watcher.run()

    assert flink.requests.index("POST /jobs/former/stop") < flink.requests.index("SUBMIT")
    assert (former.state, other.state) == ("FINISHED", "RUNNING")


def test_waits_for_the_job_of_all_providers_where_another_ends_it(
    flink: FakeFlink, watcher: Watcher, stop: Event
) -> None:
    former = flink.add(FakeJob("former", name="normalizer", state="RESTARTING"))

    def on_list() -> None:
        if flink.requests.count("GET /jobs/overview") == 3:
            former.state = "FINISHED"

    flink.on_list = on_list
    flink.on_look = stop.set

    watcher.run()

    assert flink.requests.count("GET /jobs/overview") >= 4
    assert "SUBMIT" in flink.requests


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


FLOOD = (
    "java.lang.RuntimeException: Error received from SDK harness\n\tat a.B\n"
    "normalizer.errors.TooManyUnusable: 21 of 30 messages could not be used\n"
)


@pytest.mark.parametrize(("state", "restored"), [("RESTARTING", 0), ("RUNNING", 1)])
def test_holds_a_job_that_refuses_too_many_messages(  # noqa: PLR0917  # fixtures
    flink: FakeFlink, watcher: Watcher, pacer: FakePacer, stop: Event, state: str, restored: int
) -> None:
    job = flink.add(FakeJob("old", parameters=dict(SAME), stacktrace=FLOOD))
    job.state, job.restored = "RUNNING", restored
    told: list[str | None] = []

    def on_look() -> None:
        job.state = state

    def follow(job_id: str | None) -> None:
        if job_id is None:
            stop.set()

    flink.on_look = on_look
    pacer.follow = follow  # type: ignore[method-assign]

    watcher.run()

    told.append(watcher.check())
    assert job.state == "CANCELED"
    assert told[0] is not None
    assert "its last checkpoint is kept: normalizer.errors.TooManyUnusable: 21 of 30 messages" in told[0]
    assert "SUBMIT" not in flink.requests
    assert flink.stopped == {}


def test_adopts_the_job_that_runs_already(flink: FakeFlink, watcher: Watcher, stop: Event) -> None:
    flink.add(FakeJob("old", parameters=dict(SAME)))
    flink.on_look = stop.set

    watcher.run()

    assert "SUBMIT" not in flink.requests
    assert "GET /jobs/old/checkpoints" in flink.requests


def test_replaces_a_job_of_another_definition(flink: FakeFlink, watcher: Watcher, stop: Event) -> None:
    flink.add(FakeJob("old", parameters={FINGERPRINT: "f0"}))
    flink.on_look = stop.set

    watcher.run()

    assert flink.requests.index("POST /jobs/old/stop") < flink.requests.index("SUBMIT")


def test_does_not_submit_beside_a_job_that_will_not_stop(flink: FakeFlink, watcher: Watcher) -> None:
    flink.add(FakeJob("old", parameters={FINGERPRINT: "f0"}, state="RESTARTING"))

    with pytest.raises(JobEnded, match="cancel it there"):
        watcher.run()

    assert "SUBMIT" not in flink.requests


def test_waits_for_a_job_on_its_way_out(flink: FakeFlink, watcher: Watcher, stop: Event) -> None:
    old = flink.add(FakeJob("old", state="CANCELLING"))
    flink.on_list = lambda: setattr(old, "state", "CANCELED")
    flink.on_look = stop.set

    watcher.run()

    assert flink.requests.count("GET /jobs/overview") == 2
    assert "SUBMIT" in flink.requests


def test_is_ready_while_the_job_does_its_work(flink: FakeFlink, watcher: Watcher, stop: Event) -> None:
    answers: list[str | None] = [watcher.check()]

    def on_look() -> None:
        answers.append(watcher.check())
        if len(answers) == 3:
            stop.set()

    flink.on_look = on_look

    watcher.run()

    assert answers[0] == "the cluster has not been asked yet"
    assert answers[-1] is None


def test_stops_the_job_with_a_savepoint(flink: FakeFlink, watcher: Watcher, stop: Event) -> None:
    job = flink.add(FakeJob("old", parameters=dict(SAME)))
    flink.on_look = stop.set

    watcher.run()

    assert job.state == "FINISHED"
    assert flink.stopped["targetDirectory"] == "s3://flink/savepoints/normalizer"
    assert flink.stopped["drain"] is False


def test_asks_again_when_the_request_to_stop_got_no_answer(flink: FakeFlink, watcher: Watcher, stop: Event) -> None:
    job = flink.add(FakeJob("old", parameters=dict(SAME)))

    def on_request() -> None:
        attempts = flink.requests.count("POST /jobs/old/stop")
        flink.away = flink.requests[-1] == "POST /jobs/old/stop" and attempts < 3

    flink.on_look = stop.set
    flink.on_request = on_request

    watcher.run()

    assert job.state == "FINISHED"


def test_leaves_the_job_running_when_the_savepoint_takes_too_long(
    flink: FakeFlink, watcher: Watcher, stop: Event
) -> None:
    job = flink.add(FakeJob("old", parameters=dict(SAME), savepoint={}))
    flink.on_look = stop.set

    watcher.run()

    assert job.state == "RUNNING"


def test_leaves_the_job_running_when_its_savepoint_fails(flink: FakeFlink, watcher: Watcher, stop: Event) -> None:
    job = flink.add(FakeJob("old", parameters=dict(SAME)))
    job.savepoint = {"failure-cause": {"stack-trace": "java.io.IOException: no space"}}
    flink.on_look = stop.set

    watcher.run()

    assert job.state == "RUNNING"


def test_names_the_cause_when_the_job_fails(flink: FakeFlink, watcher: Watcher) -> None:
    trace = "org.x.JobException: Recovery is suppressed\n\tat a.B\nCaused by: org.x.AuthException: denied\n\tat c.D"
    flink.add(FakeJob("old", parameters=dict(SAME), stacktrace=trace))
    flink.on_look = lambda: setattr(flink.jobs["old"], "state", "FAILED")

    with pytest.raises(JobEnded, match=r"FAILED\norg\.x\.JobException: .*\nCaused by: org\.x\.AuthException: denied$"):
        watcher.run()


def test_says_so_when_the_job_manager_lost_the_job(flink: FakeFlink, watcher: Watcher) -> None:
    flink.add(FakeJob("old", parameters=dict(SAME)))
    flink.on_look = flink.jobs.clear

    with pytest.raises(JobEnded, match="does not know job old"):
        watcher.run()


def test_outlives_a_job_manager_that_is_away_for_a_while(flink: FakeFlink, watcher: Watcher, stop: Event) -> None:
    flink.add(FakeJob("old", parameters=dict(SAME)))
    answers: list[str | None] = []

    def on_request() -> None:
        if flink.away:
            answers.append(watcher.check())
            if len(answers) == 3:
                flink.away = False
                flink.on_look = stop.set

    flink.on_look = lambda: setattr(flink, "away", True)
    flink.on_request = on_request

    watcher.run()

    assert answers[-1] is not None
    assert "does not answer" in answers[-1]


def test_gives_up_when_the_cluster_never_comes(flink: FakeFlink, watcher: Watcher) -> None:
    flink.slots = 0

    with pytest.raises(ClusterAway, match="no task manager has registered"):
        watcher.run()


def test_ends_at_once_when_stopped_before_the_cluster_came(flink: FakeFlink, watcher: Watcher, stop: Event) -> None:
    flink.away = True
    stop.set()

    watcher.run()

    assert "SUBMIT" not in flink.requests


def test_has_checkpoints_of_the_running_job_asked_for(
    flink: FakeFlink, watcher: Watcher, pacer: FakePacer, stop: Event
) -> None:
    flink.add(FakeJob("old", parameters=dict(SAME)))
    flink.on_look = stop.set

    watcher.run()

    assert pacer.followed == ["old"]


def test_ends_when_nobody_can_ask_for_checkpoints(flink: FakeFlink, watcher: Watcher, pacer: FakePacer) -> None:
    flink.add(FakeJob("old", parameters=dict(SAME)))
    pacer.fault = Fault("there is no such topic")

    with pytest.raises(Fault, match="no such topic"):
        watcher.run()
