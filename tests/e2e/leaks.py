"""Every place to which something that a webhook held could get, and what of some marks is found there."""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import closing
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import trino
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from kit.lake import load_catalog
from kit.settings import LakeSettings
from payments_contracts.schemas import schema
from payments_contracts.tables import TABLES
from payments_contracts.topics import TOPICS
from psycopg import sql
from temporalio.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from tests.e2e.collector import Collector
    from tests.e2e.marks import Marks
    from tests.e2e.panels import Prometheus

# Of what a server stores: those of Kafka are looked at as its consumers see them, the lake's through its tables.
_STORED = ("data/kafka", "data/seaweedfs", "data/minio", "data/prometheus", "data/postgres/pg_wal")
Found = dict[str, set[str]]
"""Marks by the place that they were found in; places without any are left out."""


def holds_bytes(record: str, version: int) -> bool:
    """Tell whether a record's contract keeps the bytes that a provider sent."""
    return any(each["type"] == "bytes" for each in json.loads(schema(record, version))["fields"])


RAW_TOPICS = frozenset(each.name for each in TOPICS if holds_bytes(each.record, each.version))
"""Raw topics and both dead-letter topics: their records have the body, byte for byte, and the headers kept with it."""
RAW_TABLES = frozenset(each.identifier for each in TABLES if holds_bytes(each.record, each.version))
"""The raw archive and the quarantine."""


def of_files(state: Path, marks: Marks) -> Found:
    """Look into every log of the stack, those that servers write among their data included."""
    skipped = tuple(str(state / each) for each in _STORED)
    files = [each for each in state.rglob("*") if each.is_file() and not str(each).startswith(skipped)]
    logs = [each for each in files if ".log" in each.name or ".out" in each.name or each.parent.name in {"log", "logs"}]
    # There is one for each process.
    assert len(logs) >= 20, logs
    return _found(((str(each.relative_to(state)), each.read_bytes()) for each in logs), marks)


def of_metrics(prometheus: Prometheus, marks: Marks) -> Found:
    """Look at every page of metrics, and at the labels of every series that Prometheus keeps."""
    with httpx.Client(timeout=30, trust_env=False) as client:
        pages = [(url, client.get(url).content) for url in prometheus.targets()]
    return _found([*pages, ("labels of series", json.dumps(prometheus.series()).encode())], marks)


def of_spans(collector: Collector, marks: Marks) -> Found:
    """Look at every span that was exported, each attribute by its name and then all of it."""
    attributes = (
        (f"{span.name}: {each.key}", each.value.SerializeToString())
        for span in collector.spans
        for each in span.attributes
    )
    return _found([*attributes, *(("spans", each.SerializeToString()) for each in collector.requests)], marks)


def of_topics(servers: str, marks: Marks) -> Found:
    """Look at keys, values and headers of all records of all topics, those of Kafka itself included."""
    admin = AdminClient({"bootstrap.servers": servers})
    topics = admin.list_topics(timeout=30).topics
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": f"leaks-{uuid.uuid4()}",
            "enable.auto.commit": False,
            "isolation.level": "read_uncommitted",
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
        }
    )
    try:
        return _found(_records(consumer, [TopicPartition(t, p) for t in topics for p in topics[t].partitions]), marks)
    finally:
        consumer.close()


def _records(consumer: Consumer, partitions: list[TopicPartition]) -> Iterator[tuple[str, bytes]]:
    consumer.assign(partitions)
    open_ones = len(partitions)
    while open_ones:
        message = consumer.poll(30)
        assert message is not None, "Kafka does not answer"
        if (error := message.error()) is not None:
            assert error.name() == "_PARTITION_EOF", error
            open_ones -= 1
            continue
        content = b"\n".join(map(_bytes, (message.key(), message.value(), repr(message.headers()))))
        yield str(message.topic()), content


def of_tables(settings: Mapping[str, str], marks: Marks) -> Found:
    """Look at every value of every table of the lake.

    Trino reads them: PyIceberg has no reader for the encoding in which Trino writes the positions of deleted rows.
    """
    catalog = load_catalog(LakeSettings.model_validate({name.lower(): value for name, value in settings.items()}))
    identifiers = [each for namespace in catalog.list_namespaces() for each in catalog.list_tables(namespace)]

    def rows() -> Iterator[tuple[str, bytes]]:
        connection = trino.dbapi.connect(  # type: ignore[no-untyped-call]  # the library has half its types
            host=settings["TRINO_HOST"], port=int(settings["TRINO_PORT"]), user="leaks", catalog="lake"
        )
        with closing(connection):
            for namespace, table in identifiers:
                cursor = connection.cursor()
                cursor.execute(f'TABLE "{namespace}"."{table}"')
                for row in iter(cursor.fetchone, None):
                    yield f"{namespace}.{table}", repr(row).encode()

    return _found(rows(), marks)


def of_databases(dsn: str, marks: Marks) -> Found:
    """Look at every row of the operational database and of Dagster's."""

    def rows() -> Iterator[tuple[str, bytes]]:
        for database in ("payments", "dagster"):
            with psycopg.connect(dsn, dbname=database) as connection:
                named = connection.execute(
                    "SELECT schemaname, tablename FROM pg_tables"
                    " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
                ).fetchall()
                for place in named:
                    question = sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(*place))
                    for (text,) in connection.execute(question):
                        yield f"{database}: {'.'.join(place)}", text.encode()

    return _found(rows(), marks)


def of_workflows(settings: Mapping[str, str], since: datetime, marks: Marks) -> tuple[int, Found]:
    """Look at the history of every workflow that began since a time; return how many there are, too."""
    histories = asyncio.run(_histories(settings, since))
    return len(histories), _found(histories, marks)


async def _histories(settings: Mapping[str, str], since: datetime) -> list[tuple[str, bytes]]:
    client = await Client.connect(settings["TEMPORAL_ADDRESS"], namespace=settings["TEMPORAL_NAMESPACE"])
    query = f"StartTime > '{since.isoformat()}'"
    found = []
    async for each in client.list_workflows(query):
        history = await client.get_workflow_handle(each.id, run_id=each.run_id).fetch_history()
        content = b"\n".join(event.SerializeToString() for event in history.events)
        found.append(("workflow", content + str(each.typed_search_attributes).encode()))
    return found


def _found(contents: Iterable[tuple[str, bytes]], marks: Marks) -> Found:
    found: Found = {}
    for place, content in contents:
        if there := marks.found_in(content):
            found.setdefault(place, set()).update(there)
    return found


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value or "").encode()
