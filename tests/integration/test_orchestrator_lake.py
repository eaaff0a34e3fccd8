"""Normalized events on Kafka become rows of the lake, each exactly once: with all roles in one process, and apart."""

import signal
import subprocess
from collections.abc import Sequence

import pytest

from tests.integration.orchestration import Deployment, events, exactly_once, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

TOGETHER: Sequence[Sequence[str]] = ((),)
APART: Sequence[Sequence[str]] = (("committer",), ("worker",), ("consumer",))
Layout = Sequence[Sequence[str]]


def start(deployment: Deployment, layout: Layout) -> list[subprocess.Popen[bytes]]:
    return [deployment.start(*roles) for roles in layout]


@pytest.fixture(params=[TOGETHER, APART], ids=["together", "apart"])
def layout(request: pytest.FixtureRequest) -> Layout:
    found: Layout = request.param
    return found


def test_every_event_becomes_one_scored_row_and_offsets_are_committed(deployment: Deployment, layout: Layout) -> None:
    processes = start(deployment, layout)
    succeeded, failed = events(20), events(10, status="failed")
    deployment.produce([*succeeded, *failed])
    deployment.wait_for_rows(30)
    assert deployment.counts() == exactly_once([*succeeded, *failed])
    rows = {row["event_id"]: row for row in deployment.rows()}
    for event in [*succeeded, *failed]:
        row = rows[event.event_id]
        assert {name: row[name] for name in event.model_dump()} == event.model_dump()
        assert row["fraud_score_source"] == "model"
        assert row["rule_violations"] == []
    assert {rows[event.event_id]["retry_strategy_source"] for event in succeeded} == {None}
    assert {rows[event.event_id]["retry_strategy"]["max_attempts"] for event in failed} == {4}
    for process in reversed(processes):
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 0
    assert deployment.lag() == 0


def test_an_event_that_comes_twice_is_one_row(deployment: Deployment) -> None:
    start(deployment, TOGETHER)
    sent = events(5)
    deployment.produce([*sent, *sent])
    deployment.wait_for_rows(5)
    deployment.produce(sent)
    last = events(1)
    deployment.produce(last)
    wait_for("all offsets", lambda: deployment.lag() == 0)
    deployment.wait_for_rows(6)
    assert deployment.counts() == exactly_once([*sent, *last])


@pytest.mark.parametrize(
    ("layout", "killed"),
    [(TOGETHER, 0), (APART, 0), (APART, 1), (APART, 2)],
    ids=["the-only-process", "committer", "worker", "consumer"],
)
def test_a_process_that_is_killed_loses_and_repeats_nothing(
    deployment: Deployment, layout: Layout, killed: int
) -> None:
    processes = start(deployment, layout)
    before, during, after = events(60), events(60), events(20)
    deployment.produce(before)
    deployment.wait_for_rows(1)
    deployment.produce(during)
    processes[killed].kill()
    processes[killed].wait()
    deployment.produce(after)
    # The broker gives the partitions of a dead consumer away when it has missed it for session.timeout.ms.
    deployment.start(*layout[killed])
    deployment.wait_for_rows(140)
    wait_for("all offsets", lambda: deployment.lag() == 0)
    assert deployment.counts() == exactly_once([*before, *during, *after])


def test_two_whole_processes_share_a_table_and_write_each_row_once(deployment: Deployment) -> None:
    first = deployment.start()
    parts = [events(50) for _ in range(3)]
    deployment.produce(parts[0])
    deployment.start()
    deployment.produce(parts[1])
    first.send_signal(signal.SIGTERM)
    assert first.wait(60) == 0
    deployment.produce(parts[2])
    deployment.wait_for_rows(150)
    wait_for("all offsets", lambda: deployment.lag() == 0)
    assert deployment.counts() == exactly_once([event for part in parts for event in part])


def test_a_process_that_stands_still_for_longer_than_temporal_waits_writes_no_row_twice(
    deployment: Deployment,
) -> None:
    still = deployment.start()
    sent = events(80)
    deployment.produce(sent)
    deployment.wait_for_rows(1)
    still.send_signal(signal.SIGSTOP)
    try:
        deployment.start()
        deployment.wait_for_rows(80)
    finally:
        still.send_signal(signal.SIGCONT)
    more = events(20)
    deployment.produce(more)
    deployment.wait_for_rows(100)
    wait_for("all offsets", lambda: deployment.lag() == 0)
    assert deployment.counts() == exactly_once([*sent, *more])
