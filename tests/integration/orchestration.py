"""The orchestrator as one program or several, on topics, queues and a table of a test's own."""

import os
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
import pytest
import uvicorn
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # it exports them late
from inference.app import build_app
from inference.latency import Latency
from kit.kafka import AvroEncoder, RegistryClient
from kit.lake import load_catalog
from kit.settings import LakeSettings
from payments_contracts.pins.orchestrator import PaymentEvent
from payments_contracts.schemas import schema
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS
from payments_contracts.topics import NORMALIZED
from prometheus_client import CollectorRegistry
from pyiceberg.catalog import Catalog
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema

from tests.processes import free_port

NAMESPACE = "orchestrator_tests"
PARTITIONS = 3


def wait_for(what: str, condition: Callable[[], bool], seconds: float = 240.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
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
    """Processes of the orchestrator with a topic, a group, task queues and a table of their own."""

    environment: Mapping[str, str]
    catalog: Catalog
    topic: str
    table: tuple[str, str]
    logs: Path
    encoder: AvroEncoder
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *roles: str, may_stop: bool = False, **changes: str) -> subprocess.Popen[bytes]:
        """Start a process with some roles, or with all, and return when it is ready."""
        environment = {**self.environment, "METRICS_PORT": str(free_port()), **changes}
        with self._log_of(roles).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "orchestrator", "run", *(part for role in roles for part in ("--role", role))],
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

        wait_for(f"the {'-'.join(roles) or 'orchestrator'}", answers)
        assert may_stop or process.poll() is None, self.log(*roles)
        return process

    def log(self, *roles: str) -> str:
        return self._log_of(roles).read_text()

    def _log_of(self, roles: Sequence[str]) -> Path:
        return self.logs / f"{'-'.join(roles) or 'all'}.log"

    def produce(self, events: Sequence[PaymentEvent]) -> None:
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


def events(number: int, *, status: str = "succeeded", **changes: object) -> list[PaymentEvent]:
    now = datetime.now(UTC)
    failed = status == "failed"
    return [
        PaymentEvent.model_validate(
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
                "failure_category": "insufficient_funds" if failed else None,
                "failure_message": "Not enough money." if failed else None,
                "metadata": {"livemode": "false"},
                "provider_created_at": now - timedelta(seconds=2),
                "processed_at": now,
                "schema_version": NORMALIZED.version,
                "currency_exponent": 2,
                "provider_object_id": f"pi_{uuid.uuid4().hex}",
                "attempt_number": None,
                "related_payment_id": None,
                **changes,
            }
        )
        for n in range(number)
    ]


def exactly_once(sent: Sequence[PaymentEvent]) -> Counter[str]:
    return Counter({event.event_id: 1 for event in sent})
