import pytest
from normalizer.cluster import Cluster, summary
from normalizer.errors import ClusterAway, RefusedRequest

from services.normalizer.tests.flink import FakeFlink, FakeJob


def test_shows_flinks_counters(flink: FakeFlink, cluster: Cluster) -> None:
    flink.add(FakeJob("old", tasks=("RUNNING", "RUNNING")))
    flink.metrics = {"Correlate[2].normalizer.normalized.events": 2.0, "numBytesIn": 9.0}

    found = cluster.metrics("old", ".normalizer.")

    assert found == {"Correlate[2].normalizer.normalized.events": 4.0}


def test_shows_as_many_counters_as_there_are(flink: FakeFlink, cluster: Cluster) -> None:
    flink.add(FakeJob("old"))
    flink.metrics = {f"Correlate[2].normalizer.unsupported.customer-2Ekind_{n:03d}.events": n for n in range(200)}
    flink.metrics |= {"x" * 4000 + ".normalizer.events": 1.0, "numBytesIn": 9.0}

    found = cluster.metrics("old", ".normalizer.")

    assert len(found) == 200
    assert sum(found.values()) == sum(range(200))


def test_a_job_without_failure_says_so(flink: FakeFlink, cluster: Cluster) -> None:
    flink.add(FakeJob("old"))

    assert cluster.failure("old") == "the job manager names no exception"


def test_an_unreachable_job_manager_is_worth_another_attempt(flink: FakeFlink, cluster: Cluster) -> None:
    flink.away = True

    with pytest.raises(ClusterAway, match=r"http://flink\.test"):
        cluster.slots()


def test_a_job_manager_in_trouble_is_worth_another_attempt_and_says_which(flink: FakeFlink, cluster: Cluster) -> None:
    flink.broken = True

    with pytest.raises(ClusterAway, match=r"GET /overview: 500 AskTimeoutException: .*ms\]$"):
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
