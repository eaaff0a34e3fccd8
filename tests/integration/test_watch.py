"""`payments watch` asks the real servers, in the words that each of them knows."""

from __future__ import annotations

import uuid
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from analytics.stream import Contents, Stream
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # it exports them late
from kit.errors import Transient
from operations.audit.assembly import readers
from operations.audit.hops import HOPS
from operations.watch.command import WatchSettings, open_questions
from operations.watch.questions import Lags
from operations.watch.values import CHANGED, DIFFERENCES, ENDS, LAG, WORKFLOWS, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(stack: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> WatchSettings:
    for name, value in stack.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("METRICS_PORT", "1")
    return WatchSettings()


def commit(servers: str, group: str, place: TopicPartition) -> None:
    consumer = Consumer({"bootstrap.servers": servers, "group.id": group, "enable.auto.commit": False})
    consumer.commit(offsets=[place], asynchronous=False)
    consumer.close()


def test_each_part_answers_what_it_is_asked(settings: WatchSettings) -> None:
    with ExitStack() as resources:
        questions = open_questions(settings, resources)
        # Dagster is an application, and not started here.
        told = {part: question() for part, question in questions.items() if part != "dagster"}
    pairs = {(group, topic) for group, topic, _ in readers(settings)}
    assert {(each.gauge, *each.labels) for each in told["kafka"]} == {
        *((LAG, *pair) for pair in pairs),
        *((ENDS, topic) for _, topic in pairs),
    }
    assert {each.labels for each in told["database"] if each.gauge == DIFFERENCES} == {(hop,) for hop in HOPS}
    assert {(each.gauge, *each.labels) for each in told["temporal"]} == {
        (WORKFLOWS, state) for state in ("running", "stuck", "lost")
    }
    assert {each.gauge for each in told["catalog"]} <= {CHANGED}
    assert told["trino"] == []


def test_dagster_sees_what_a_topic_has_what_waits_in_it_and_how_far_readers_are(settings: WatchSettings) -> None:
    servers = settings.kafka_bootstrap_servers
    topic, now = f"watch-{uuid.uuid4().hex[:8]}", datetime.now(UTC).replace(microsecond=0)
    admin = AdminClient({"bootstrap.servers": servers})
    admin.create_topics([NewTopic(topic, 2, 1)])[topic].result(20)
    try:
        producer = Producer({"bootstrap.servers": servers})
        for minutes in (50, 40, 30, 1):
            moment = int((now - timedelta(minutes=minutes)).timestamp() * 1000)
            producer.produce(topic, b"x", partition=minutes % 2, timestamp=moment)
        assert producer.flush(20) == 0
        with Stream(servers) as stream:
            assert stream.contents([topic]) == {topic: Contents(4, now - timedelta(minutes=1))}
            assert stream.lags(f"{topic}-new", [topic]) == {topic: 4}
            before = now - timedelta(minutes=2)
            assert stream.waiting(topic, None, before) == 3
            assert stream.waiting(topic, now - timedelta(minutes=45), before) == 2
            assert stream.waiting(topic, now - timedelta(minutes=29), before) == 0
            commit(servers, f"{topic}-reader", TopicPartition(topic, 0, 2))
            assert stream.waiting(topic, None, before, f"{topic}-reader") == 1
            assert stream.waiting(topic, None, now, f"{topic}-reader") == 2
            assert stream.waiting(topic, None, before, f"{topic}-new") == 3
            with pytest.raises(Transient, match=r"no topic .*: run `payments topics apply`"):
                stream.waiting(f"{topic}-none", None, before)
    finally:
        admin.delete_topics([topic])[topic].result(20)


def test_the_lag_is_what_a_group_has_not_committed(settings: WatchSettings) -> None:
    servers = settings.kafka_bootstrap_servers
    topic = group = f"watch-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": servers})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)
    try:
        producer = Producer({"bootstrap.servers": servers})
        for _ in range(5):
            producer.produce(topic, b"x", partition=0)
        assert producer.flush(20) == 0
        commit(servers, group, TopicPartition(topic, 0, 2))
        lags = Lags(servers, [(group, topic), (f"{group}-new", topic)])
        try:
            assert lags.ask() == [
                Value(ENDS, (topic,), 5),
                Value(LAG, (group, topic), 3),
                Value(LAG, (f"{group}-new", topic), 5),
            ]
        finally:
            lags.close()
    finally:
        admin.delete_topics([topic])[topic].result(20)
