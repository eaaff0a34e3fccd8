"""The archiver on topics and tables of a test's own: `python -m tests.integration.archiving NAME` runs it."""

import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from archiver.app import run
from archiver.settings import Settings
from archiver.streams import STREAMS, Stream
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # it exports them late
from kit.clock import utc_now
from kit.kafka import AvroEncoder, RegistryClient
from kit.lake import load_catalog
from kit.lake.positions import stored
from kit.logging import configure
from kit.settings import LakeSettings, load
from payments_contracts.schemas import schema
from payments_contracts.tables import Table
from payments_contracts.topics import INGESTION_DLQ, VALIDATION_DLQ, Topic, raw_topic
from pyiceberg.catalog import Catalog
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema

from tests.integration.orchestration import wait_for
from tests.processes import free_port

NAMESPACE = "archiver_tests"
PARTITIONS = 2
TOPICS = (raw_topic("stripe"), raw_topic("square"), INGESTION_DLQ, VALIDATION_DLQ)
_COMMITTED = '"event": "committed"'
RAW, QUARANTINE = (stream.table.name for stream in STREAMS)


def streams_of(name: str) -> tuple[Stream, ...]:
    """Return the archiver's streams, with topics and tables of a test's own in place of the contracts'."""
    return tuple(
        replace(
            stream,
            table=replace(stream.table, namespace=NAMESPACE, name=f"{stream.table.name}_{name}"),
            topics=tuple(replace(each, name=f"{each.name}.{name}") for each in stream.topics if each in TOPICS),
        )
        for stream in STREAMS
    )


@dataclass
class Archiving:
    """A process of the archiver, and what it reads and writes."""

    name: str
    environment: Mapping[str, str]
    catalog: Catalog
    admin: AdminClient
    encoders: Mapping[str, AvroEncoder]
    log: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, **changes: str) -> subprocess.Popen[bytes]:
        """Start a process; nobody waits until it is ready."""
        environment = {**self.environment, "METRICS_PORT": str(free_port()), **changes}
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.archiving", self.name],
                env={"PATH": os.environ["PATH"], **environment},
                stdout=log,
                stderr=log,
            )
        self.running.append(process)
        self.port = environment["METRICS_PORT"]
        return process

    def stop(self, process: subprocess.Popen[bytes]) -> int:
        """Stop a process as an operator does, and return its exit code."""
        process.send_signal(signal.SIGTERM)
        return process.wait(60)

    def topic(self, of: Topic) -> str:
        return f"{of.name}.{self.name}"

    def produce(self, of: Topic, records: Sequence[Mapping[str, Any]], *, partition: int = -1) -> None:
        self.produce_bytes(of, [self.encoders[of.name].encode(each) for each in records], partition=partition)

    def produce_bytes(self, of: Topic, values: Sequence[bytes], *, partition: int = -1) -> None:
        producer = Producer({"bootstrap.servers": self.environment["KAFKA_BOOTSTRAP_SERVERS"], "acks": "all"})
        for value in values:
            producer.produce(self.topic(of), value, partition=partition)
        assert producer.flush(60) == 0

    def table(self, name: str) -> tuple[str, str]:
        return (NAMESPACE, f"{name}_{self.name}")

    def rows(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (
            self.catalog.load_table(self.table(name)).scan().to_arrow().to_pylist(maps_as_pydicts="strict")
        )
        return found

    def wait_for_rows(self, name: str, number: int) -> None:
        def all_there() -> bool:
            assert any(each.poll() is None for each in self.running), self.log.read_text()[-3000:]
            return len(self.rows(name)) >= number

        wait_for(f"{number} rows of {name}", all_there, 120)

    def wait_for_commits(self, number: int) -> None:
        """Wait for so many commits more than there were."""
        before = self.log.read_text().count(_COMMITTED)
        wait_for("commits", lambda: self.log.read_text().count(_COMMITTED) >= before + number, 60)

    def positions(self, name: str) -> Mapping[str, int]:
        return stored(self.catalog.load_table(self.table(name)).metadata)

    def has_read(self, number: int) -> bool:
        """Tell whether the process waits to commit what was produced: it has read records and lags behind nothing."""
        try:
            lines = self.metrics().splitlines()
        except httpx.TransportError:
            return False
        lags = [float(each.rpartition(" ")[2]) for each in lines if each.startswith("archive_consumer_lag_records{")]
        waiting = [float(each.rpartition(" ")[2]) for each in lines if each.startswith("archive_waiting_seconds{")]
        return number > 0 and bool(lags) and not any(lags) and any(waiting)

    def metrics(self) -> str:
        return httpx.get(f"http://127.0.0.1:{self.port}/metrics").text


@pytest.fixture
def archiving(stack: Mapping[str, str], tmp_path: Path) -> Iterator[Archiving]:
    with archiving_on(stack, tmp_path) as made:
        yield made


@contextmanager
def archiving_on(stack: Mapping[str, str], directory: Path) -> Iterator[Archiving]:
    """Make topics and tables for as long as the context lasts, and end every process at its end."""
    name = uuid.uuid4().hex[:8]
    settings = LakeSettings.model_validate({name.lower(): value for name, value in stack.items()})
    catalog = load_catalog(settings)
    catalog.create_namespace_if_not_exists(NAMESPACE)
    admin = AdminClient({"bootstrap.servers": stack["KAFKA_BOOTSTRAP_SERVERS"]})
    streams = streams_of(name)
    topics = [topic.name for stream in streams for topic in stream.topics]
    for created in admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in topics]).values():
        created.result()
    for stream in streams:
        create(catalog, stream.table)
    with RegistryClient(stack["SCHEMA_REGISTRY_URL"]) as registry:
        encoders = {each.name: encoder(registry, each) for each in TOPICS}
    own = {"ARCHIVE_MAX_SECONDS": "1", "ARCHIVE_GROUP_SUFFIX": f"-{name}"}
    made = Archiving(name, {**stack, **own}, catalog, admin, encoders, directory / "archiver.log")
    try:
        yield made
    finally:
        for process in made.running:
            process.kill()
            process.wait()
        for deleted in admin.delete_topics(topics).values():
            deleted.result()
        for stream in streams:
            catalog.drop_table((NAMESPACE, stream.table.name))


def create(catalog: Catalog, table: Table) -> None:
    catalog.create_table(
        (table.namespace, table.name),
        Schema.model_validate_json(table.schema_json),
        partition_spec=PartitionSpec.model_validate_json(table.partition_spec_json),
        properties=dict(table.properties),
    )


def encoder(registry: RegistryClient, topic: Topic) -> AvroEncoder:
    text = schema(topic.record, topic.version)
    return AvroEncoder(text, registry.lookup(topic.subject, topic.version, text).id)


def raw_records(number: int, *, at: datetime | None = None, **changes: object) -> list[dict[str, Any]]:
    """Return raw records that differ from each other."""
    received = (at or datetime.now(UTC)).replace(microsecond=123_000)
    return [
        {
            "event_id": str(uuid.uuid4()),
            "provider": "stripe",
            "provider_event_id": f"evt_{index}",
            "provider_event_type": "charge.succeeded",
            "merchant_id": f"merch_{index % 5}",
            "api_version": None,
            "headers": {"stripe-signature": f"t=1,v1={index:064x}"},
            "payload": b'{"id": "evt_%d", "note": "\\u00fc \xff"}' % index,
            "provider_created_at": received,
            "received_at": received,
            "schema_version": 2,
            "livemode": index % 2 == 0,
            **changes,
        }
        for index in range(number)
    ]


def main(name: str) -> None:
    """Run the archiver on a test's topics and tables until SIGTERM."""
    settings = load(Settings)
    configure("archiver", settings.log_level, settings.log_format)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    run(settings, utc_now, stop, streams_of(name))


if __name__ == "__main__":
    main(sys.argv[1])
