import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import httpx
import pytest
from normalizer.cluster import Cluster, summary
from normalizer.configuration import FINGERPRINT
from normalizer.errors import ClusterAway, JobEnded, RefusedRequest
from normalizer.metrics import NormalizerMetrics
from normalizer.watcher import Plan, Watcher
from prometheus_client import CollectorRegistry

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class FakeJob:
    id: str
    name: str = "normalizer"
    state: str = "RUNNING"
    tasks: tuple[str, ...] = ("RUNNING",)
    checkpoints: int = 1
    parameters: dict[str, str] = field(default_factory=dict)
    stacktrace: str = ""
    savepoint: dict[str, Any] = field(
        default_factory=lambda: {"location": "s3://flink/savepoints/normalizer/savepoint-1"}
    )


class FakeFlink:
    """A job manager in memory, spoken to through the same HTTP client as the real one."""

    def __init__(self) -> None:
        self.jobs: dict[str, FakeJob] = {}
        self.slots = 4
        self.away = False
        self.requests: list[str] = []
        self.metrics: dict[str, float] = {}
        self.stopped: dict[str, Any] = {}
        self.on_request: Callable[[], object] = lambda: None
        self.on_list: Callable[[], object] = lambda: None
        self.on_look: Callable[[], object] = lambda: None

    def add(self, job: FakeJob) -> FakeJob:
        self.jobs[job.id] = job
        return job

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(f"{request.method} {request.url.path}")
        self.on_request()
        if self.away:
            raise httpx.ConnectError("refused", request=request)
        match request.url.path.strip("/").split("/"):
            case ["overview"]:
                return httpx.Response(200, json={"slots-total": self.slots})
            case ["jobs", "overview"]:
                jobs = [{"jid": job.id, "name": job.name, "state": job.state} for job in self.jobs.values()]
                self.on_list()
                return httpx.Response(200, json={"jobs": jobs})
            case ["jobs", job_id, *rest] if job_id in self.jobs:
                return self._job(self.jobs[job_id], rest, request)
        return httpx.Response(404, json={"errors": ["JobNotFoundException: no such job\n\tat x.Y"]})

    def _job(self, job: FakeJob, rest: list[str], request: httpx.Request) -> httpx.Response:
        latest = {"latest_ack_timestamp": int(NOW.timestamp() * 1000)} if job.checkpoints else None
        match rest:
            case []:
                self.on_look()
                vertices = [{"id": f"v{n}", "status": status} for n, status in enumerate(job.tasks)]
                body: Any = {"state": job.state, "vertices": vertices}
            case ["checkpoints"]:
                body = {"counts": {"completed": job.checkpoints}, "latest": {"completed": latest}}
            case ["config"]:
                body = {"execution-config": {"user-config": job.parameters}}
            case ["exceptions"]:
                entries = [{"stacktrace": job.stacktrace}] if job.stacktrace else []
                body = {"exceptionHistory": {"entries": entries}}
            case ["stop"]:
                if job.state != "RUNNING":
                    return httpx.Response(409, json={"errors": ["CheckpointException: not all tasks run\n\tat x.Y"]})
                self.stopped = json.loads(request.content)
                body = {"request-id": self.stopped["triggerId"]}
            case ["savepoints", request_id] if request_id == self.stopped.get("triggerId"):
                if "location" in job.savepoint:
                    job.state = "FINISHED"
                body = {"status": {"id": "COMPLETED" if job.savepoint else "IN_PROGRESS"}, "operation": job.savepoint}
            case ["vertices", _, "subtasks", "metrics"]:
                wanted = request.url.params.get("get")
                names = wanted.split(",") if wanted else self.metrics
                body = [{"id": name, "sum": self.metrics[name]} for name in names]
            case _:
                return httpx.Response(404, json={"errors": ["Not found: " + request.url.path]})
        return httpx.Response(200, json=body)


@pytest.fixture
def flink() -> FakeFlink:
    return FakeFlink()


@pytest.fixture
def cluster(flink: FakeFlink) -> Iterator[Cluster]:
    with httpx.Client(base_url="http://flink.test", transport=httpx.MockTransport(flink)) as client:
        yield Cluster(client)


class Impatient(Event):
    """An event whose waits take no time."""

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(0)


@pytest.fixture
def stop() -> Event:
    return Impatient()


SAME = {FINGERPRINT: "f1"}
PLAN = Plan(
    name="normalizer",
    fingerprint="f1",
    savepoint_dir="s3://flink/savepoints/normalizer",
    start_timeout_s=60,
    stop_timeout_s=5,
    checkpoint_stall_s=30,
)


class TickingClock:
    """A clock that moves on by a second at each look."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def watcher(flink: FakeFlink, cluster: Cluster, stop: Event) -> Watcher:
    def submit() -> str:
        flink.requests.append("SUBMIT")
        return flink.add(FakeJob("new", parameters=dict(SAME))).id

    metrics = NormalizerMetrics(CollectorRegistry())
    return Watcher(PLAN, cluster=cluster, submit=submit, metrics=metrics, stop=stop, clock=TickingClock())


def test_submits_the_job_when_there_is_none(flink: FakeFlink, watcher: Watcher, stop: Event) -> None:
    flink.on_look = stop.set

    watcher.run()

    assert "SUBMIT" in flink.requests


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


def test_shows_flinks_counters(flink: FakeFlink, cluster: Cluster) -> None:
    flink.add(FakeJob("old", tasks=("RUNNING", "RUNNING")))
    flink.metrics = {"Correlate[2].normalizer.normalized.events": 2.0, "numBytesIn": 9.0}

    found = cluster.metrics("old", ".normalizer.")

    assert found == {"Correlate[2].normalizer.normalized.events": 4.0}


def test_a_job_without_failure_says_so(flink: FakeFlink, cluster: Cluster) -> None:
    flink.add(FakeJob("old"))

    assert cluster.failure("old") == "the job manager names no exception"


def test_an_unreachable_job_manager_is_worth_another_attempt(flink: FakeFlink, cluster: Cluster) -> None:
    flink.away = True

    with pytest.raises(ClusterAway, match=r"http://flink\.test"):
        cluster.slots()


def test_a_refusal_comes_with_its_reason_and_no_stack_frames(flink: FakeFlink, cluster: Cluster) -> None:
    flink.add(FakeJob("old", state="CREATED"))

    with pytest.raises(RefusedRequest, match=r"POST /jobs/old/stop: 409 CheckpointException: not all tasks run$"):
        cluster.stop("old", "s3://flink/savepoints", "r1")


def test_a_long_trace_keeps_its_head_and_its_root() -> None:
    trace = "Top: t\n\tat a.B\n" + "\n".join(f"Caused by: C{n}: c\n\tat a.B\n\t... 3 more" for n in range(9))

    lines = summary(trace).splitlines()

    assert lines[0] == "Top: t"
    assert lines[-1] == "Caused by: C8: c"
    assert len(lines) == 6
