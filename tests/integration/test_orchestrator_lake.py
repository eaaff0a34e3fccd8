"""Normalized events on Kafka become rows of the lake, each exactly once: consumer and worker run as programs."""

import signal

import pytest

from tests.integration.orchestration import Deployment, events, exactly_once, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


def test_every_event_becomes_one_scored_row_and_offsets_are_committed(deployment: Deployment) -> None:
    deployment.start("worker")
    consumer = deployment.start("consumer")
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
    consumer.send_signal(signal.SIGTERM)
    assert consumer.wait(30) == 0
    assert deployment.lag() == 0


def test_an_event_that_comes_twice_is_one_row(deployment: Deployment) -> None:
    deployment.start("worker")
    deployment.start("consumer")
    sent = events(5)
    deployment.produce([*sent, *sent])
    deployment.wait_for_rows(5)
    deployment.produce(sent)
    last = events(1)
    deployment.produce(last)
    wait_for("all offsets", lambda: deployment.lag() == 0)
    deployment.wait_for_rows(6)
    assert deployment.counts() == exactly_once([*sent, *last])


def test_a_worker_that_is_killed_loses_and_repeats_nothing(deployment: Deployment) -> None:
    deployment.start("consumer")
    worker = deployment.start("worker")
    before, during, after = events(60), events(60), events(20)
    deployment.produce(before)
    deployment.wait_for_rows(1)
    deployment.produce(during)
    wait_for("all starts", lambda: deployment.lag() == 0)
    worker.kill()
    worker.wait()
    deployment.produce(after)
    deployment.start("worker")
    deployment.wait_for_rows(140)
    assert deployment.counts() == exactly_once([*before, *during, *after])


def test_a_consumer_that_is_killed_loses_and_repeats_nothing(deployment: Deployment) -> None:
    deployment.start("worker")
    consumer = deployment.start("consumer")
    sent = events(200)
    deployment.produce(sent)
    deployment.wait_for_rows(1)
    consumer.kill()
    consumer.wait()
    # The broker gives the partitions away when it has missed the dead member for session.timeout.ms.
    deployment.start("consumer")
    deployment.wait_for_rows(200)
    wait_for("all offsets", lambda: deployment.lag() == 0)
    assert deployment.counts() == exactly_once(sent)


def test_partitions_move_between_consumers_without_loss(deployment: Deployment) -> None:
    deployment.start("worker")
    first = deployment.start("consumer")
    parts = [events(50) for _ in range(3)]
    deployment.produce(parts[0])
    deployment.start("consumer")
    deployment.produce(parts[1])
    first.send_signal(signal.SIGTERM)
    assert first.wait(40) == 0
    deployment.produce(parts[2])
    deployment.wait_for_rows(150)
    wait_for("all offsets", lambda: deployment.lag() == 0)
    assert deployment.counts() == exactly_once([event for part in parts for event in part])
