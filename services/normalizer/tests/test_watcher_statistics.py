"""What the watcher reads of the job beside its state: counters, lost transactions, and that it refuses to go on."""

from datetime import datetime, timedelta
from threading import Event

import pytest
from normalizer.metrics import NormalizerMetrics
from normalizer.watcher import Watcher

from services.normalizer.tests.flink import NOW, FakeFlink, FakeJob
from services.normalizer.tests.watching import SAME, FakePacer


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


# As it is where a Python function raises: with the line that raised it before the error itself.
FLOOD = (
    "java.lang.RuntimeException: Error received from SDK harness\n\tat a.B\n    raise TooManyUnusable(\n"
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
