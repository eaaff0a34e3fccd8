"""Normalized events on Kafka become rows of the lake, each exactly once: consumer and worker run as programs."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import uvicorn
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # it exports them late
from inference.app import build_app
from inference.latency import Latency
from kit.kafka import AvroEncoder, RegistryClient
from kit.lake import load_catalog
from kit.settings import LakeSettings
from payments_contracts.records import PaymentEventV1
from payments_contracts.schemas import schema
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS
from payments_contracts.topics import NORMALIZED
from prometheus_client import CollectorRegistry
from pyiceberg.catalog import Catalog
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

NAMESPACE = "orchestrator_tests"
PARTITIONS = 3


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: str, condition: Callable[[], bool], seconds: float = 240.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.2)


class Passage:
    """A port through which a server is reached while it is open; closing it cuts every connection."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self.port = free_port()
        self._listener: socket.socket | None = None
        self._connections: list[socket.socket] = []

    def open(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._connections.clear()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._target)
                self._connections += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module")
def inference_url() -> Iterator[str]:
    """The real service, in a thread."""
    port = free_port()
    app = build_app(Latency(0, 0), CollectorRegistry())
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for("the inference service", lambda: server.started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def catalog(stack: Mapping[str, str]) -> Catalog:
    catalog = load_catalog(LakeSettings.model_validate({name.lower(): value for name, value in stack.items()}))
    catalog.create_namespace_if_not_exists(NAMESPACE)
    return catalog


@dataclass
class Deployment:
    """A consumer and a worker with a topic, a group, task queues and a table of their own."""

    environment: Mapping[str, str]
    catalog: Catalog
    topic: str
    table: tuple[str, str]
    logs: Path
    encoder: AvroEncoder
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, program: str, *, may_stop: bool = False, **changes: str) -> subprocess.Popen[bytes]:
        """Start `consumer` or `worker` and return when it is ready."""
        environment = {**self.environment, "METRICS_PORT": str(free_port()), **changes}
        with (self.logs / f"{program}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "orchestrator", program],
                env={"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", ""), **environment},
                stdout=log,
                stderr=log,
            )
        self.running.append(process)
        ready = f"http://127.0.0.1:{environment['METRICS_PORT']}/readyz"

        def answers() -> bool:
            try:
                return httpx.get(ready).is_success or process.poll() is not None
            except httpx.TransportError:
                return process.poll() is not None

        wait_for(f"the {program}", answers)
        assert may_stop or process.poll() is None, self.log(program)
        return process

    def log(self, program: str) -> str:
        return (self.logs / f"{program}.log").read_text()

    def produce(self, events: Sequence[PaymentEventV1]) -> None:
        self.produce_records([event.model_dump() for event in events])

    def produce_records(self, records: Sequence[Mapping[str, Any]]) -> None:
        producer = Producer({"bootstrap.servers": self.environment["KAFKA_BOOTSTRAP_SERVERS"], "acks": "all"})
        for record in records:
            producer.produce(self.topic, self.encoder.encode(record), record["merchant_id"].encode())
        assert producer.flush(30) == 0

    def rows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (
            self.catalog.load_table(self.table).scan().to_arrow().to_pylist(maps_as_pydicts="strict")
        )
        return found

    def counts(self) -> Counter[str]:
        return Counter(str(row["event_id"]) for row in self.rows())

    def wait_for_rows(self, number: int) -> None:
        wait_for(f"{number} rows", lambda: len(self.counts()) >= number)

    def lag(self) -> int:
        """Count the records that the group has not committed yet."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.environment["KAFKA_BOOTSTRAP_SERVERS"],
                "group.id": self.environment["CONSUMER_GROUP"],
            }
        )
        try:
            places = [TopicPartition(self.topic, number) for number in range(PARTITIONS)]
            behind = 0
            for place in consumer.committed(places, timeout=10):
                low, high = consumer.get_watermark_offsets(place, timeout=10)
                behind += high - (place.offset if place.offset >= 0 else low)
            return behind
        finally:
            consumer.close()


@pytest.fixture
def deployment(stack: Mapping[str, str], catalog: Catalog, inference_url: str, tmp_path: Path) -> Iterator[Deployment]:
    name = uuid.uuid4().hex[:12]
    topic, table = f"orchestrator-test-{name}", (NAMESPACE, f"t_{name}")
    admin = AdminClient({"bootstrap.servers": stack["KAFKA_BOOTSTRAP_SERVERS"]})
    for created in admin.create_topics([NewTopic(topic, PARTITIONS, 1)]).values():
        created.result()
    catalog.create_table(
        table,
        Schema.model_validate_json(BRONZE_PAYMENT_EVENTS.schema_json),
        partition_spec=PartitionSpec.model_validate_json(BRONZE_PAYMENT_EVENTS.partition_spec_json),
        properties=dict(BRONZE_PAYMENT_EVENTS.properties),
    )
    text = schema(NORMALIZED.record, NORMALIZED.version)
    with RegistryClient(stack["SCHEMA_REGISTRY_URL"]) as registry:
        schema_id = registry.lookup(NORMALIZED.subject, NORMALIZED.version, text).id
    deployment = Deployment(
        environment={
            **stack,
            "CONSUMER_GROUP": f"orchestrator-test-{name}",
            "SOURCE_TOPIC": topic,
            "TASK_QUEUE_SUFFIX": f"-{name}",
            "LAKE_TABLE": ".".join(table),
            "INFERENCE_URL": inference_url,
        },
        catalog=catalog,
        topic=topic,
        table=table,
        logs=tmp_path,
        encoder=AvroEncoder(text, schema_id),
    )
    yield deployment
    for process in deployment.running:
        process.kill()
        process.wait()
    for deleted in admin.delete_topics([topic]).values():
        deleted.result()
    catalog.drop_table(table)


def events(number: int, *, status: str = "succeeded", **changes: object) -> list[PaymentEventV1]:
    now = datetime.now(UTC)
    failed = status == "failed"
    return [
        PaymentEventV1.model_validate(
            {
                "event_id": str(uuid.uuid4()),
                "provider": "stripe",
                "provider_event_id": f"evt_{n}",
                "event_type": f"payment.{status}",
                "merchant_id": f"merch_{n % 7}",
                "customer_id": "cus_1",
                "amount_cents": 5_000 + n,
                "currency": "USD",
                "payment_method_type": "card",
                "card_brand": "visa",
                "card_last_four": "4242",
                "status": status,
                "failure_code": "insufficient_funds" if failed else None,
                "failure_message": "Not enough money." if failed else None,
                "metadata": {"livemode": "false"},
                "provider_created_at": now - timedelta(seconds=2),
                "processed_at": now,
                "schema_version": 1,
                **changes,
            }
        )
        for n in range(number)
    ]


def exactly_once(sent: Sequence[PaymentEventV1]) -> Counter[str]:
    return Counter({event.event_id: 1 for event in sent})


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


def test_a_consumer_outwaits_temporal_and_then_skips_nothing(deployment: Deployment, stack: Mapping[str, str]) -> None:
    host, port = stack["TEMPORAL_ADDRESS"].split(":")
    passage = Passage((host, int(port)))
    address = f"127.0.0.1:{passage.port}"
    deployment.start("worker")
    consumer = deployment.start("consumer", TEMPORAL_ADDRESS=address, MAX_STARTS_IN_FLIGHT="5")
    sent = events(12)
    deployment.produce(sent)
    wait_for("the consumer to notice", lambda: "Temporal" in deployment.log("consumer"))
    assert deployment.lag() == 12
    passage.open()
    deployment.wait_for_rows(12)
    passage.close()
    more = events(12)
    deployment.produce(more)
    time.sleep(3)
    passage.open()
    deployment.wait_for_rows(24)
    wait_for("all offsets", lambda: deployment.lag() == 0)
    assert deployment.counts() == exactly_once([*sent, *more])
    consumer.send_signal(signal.SIGTERM)
    assert consumer.wait(30) == 0
    passage.close()


def test_a_consumer_can_be_stopped_while_temporal_is_away(deployment: Deployment) -> None:
    consumer = deployment.start("consumer", TEMPORAL_ADDRESS="127.0.0.1:9")
    deployment.produce(events(3))
    wait_for("the consumer to notice", lambda: "Temporal" in deployment.log("consumer"))
    consumer.send_signal(signal.SIGTERM)
    assert consumer.wait(40) == 0
    assert deployment.lag() == 3


def test_rows_wait_while_the_catalog_is_away(deployment: Deployment, stack: Mapping[str, str]) -> None:
    catalog = httpx.URL(stack["CATALOG_URI"])
    assert catalog.port is not None
    passage = Passage((catalog.host, catalog.port))
    passage.open()
    deployment.start("worker", CATALOG_URI=f"http://127.0.0.1:{passage.port}")
    deployment.start("consumer")
    before, during = events(5), events(15)
    deployment.produce(before)
    deployment.wait_for_rows(5)
    passage.close()
    deployment.produce(during)
    wait_for("the worker to notice", lambda: "commit_failed" in deployment.log("worker"))
    passage.open()
    deployment.wait_for_rows(20)
    assert deployment.counts() == exactly_once([*before, *during])
    passage.close()


def test_rows_carry_the_fallback_while_the_models_are_away(deployment: Deployment) -> None:
    deployment.start("worker", INFERENCE_URL="http://127.0.0.1:9")
    deployment.start("consumer")
    deployment.produce(events(1, status="failed"))
    deployment.wait_for_rows(1)
    (row,) = deployment.rows()
    assert (row["fraud_score"], row["fraud_score_source"]) == (0.5, "fallback")
    assert (row["retry_strategy"]["should_retry"], row["retry_strategy_source"]) == (False, "fallback")


def test_business_rules_mark_an_event_and_keep_it(deployment: Deployment) -> None:
    deployment.start("worker", RULES_BLOCKED_MERCHANTS='["merch_0"]')
    deployment.start("consumer")
    deployment.produce(events(1, amount_cents=2_000_000))
    deployment.wait_for_rows(1)
    assert deployment.rows()[0]["rule_violations"] == ["amount_above_review_limit", "merchant_blocked"]


def test_rows_are_in_the_operational_database_too(deployment: Deployment, stack: Mapping[str, str]) -> None:
    deployment.start("worker")
    deployment.start("consumer")
    (event,) = events(1, status="failed")
    deployment.produce([event])
    statement = "SELECT status, amount_cents, retry_strategy FROM payment_events WHERE event_id = %s"

    def stored() -> list[tuple[Any, ...]]:
        with psycopg.connect(stack["POSTGRES_DSN"]) as connection:
            try:
                return connection.execute(statement, [event.event_id]).fetchall()
            except psycopg.errors.UndefinedTable:
                return []

    wait_for("the row", lambda: bool(stored()))
    ((status, amount, advice),) = stored()
    assert (status, amount, advice["max_attempts"]) == ("failed", event.amount_cents, 4)


def test_an_event_of_an_unknown_version_stops_the_consumer_and_is_not_skipped(deployment: Deployment) -> None:
    deployment.produce(events(1, schema_version=99))
    consumer = deployment.start("consumer", may_stop=True)
    assert consumer.wait(60) == 1
    assert "holds version 99 of payment_event; this consumer knows 1" in deployment.log("consumer")
    assert deployment.lag() == 1
