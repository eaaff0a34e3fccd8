"""A normalizer's program over topics of its own, what is sent to it, and what comes out.

The topics are copies, so that a normalizer which runs beside the test neither reads these events nor adds its own.
"""

import os
import re
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx
import orjson
import pytest
from codegen.envelope import found_in
from codegen.loader import load
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from kit.kafka import AvroDecoder, AvroEncoder, RegistryClient
from operations.topics import apply_topics
from payments_contracts.examples import EXAMPLES, Example
from payments_contracts.schemas import schema
from payments_contracts.topics import TOPICS, Topic, raw_topic
from pyarrow import fs

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-flink" / "bin" / "python"
ENVELOPES = {provider.name: provider.envelope for provider in load(ROOT / "contracts").providers}
STREAMED = tuple(example for example in EXAMPLES if example.kind != "malformed")
PATIENCE_S = 180.0


def until(done: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + patience_s
    while not done():
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {patience_s:.0f} s")
        time.sleep(0.2)


class Program:
    """The normalizer of a provider as the supervisor runs it, under names that are only this test's."""

    def __init__(self, settings: Mapping[str, str], log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._environment = os.environ | settings | {"METRICS_PORT": str(port)}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10)

    def start(self) -> None:
        with self._log.open("ab") as log:
            command = [str(PYTHON), "-m", "normalizer"]
            self._process = subprocess.Popen(command, env=self._environment, stderr=log, stdout=log)
        self.await_ready()

    def end(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self.await_end()

    def await_end(self) -> int:
        assert self._process is not None
        return self._process.wait(timeout=PATIENCE_S)

    def await_ready(self) -> None:
        until(self._ready, f"the normalizer is ready (its log: {self._log})")

    def metrics(self) -> str:
        return self._client.get("/metrics").text

    def health(self) -> str:
        return self._client.get("/readyz").text

    def set(self, **variables: str) -> None:
        """Change settings for the next start."""
        self._environment |= variables

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.end(signal.SIGTERM)
        self._client.close()

    def _ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            pytest.fail(f"the normalizer exited with code {self._process.returncode}:\n{self._log.read_text()[-4000:]}")
        try:
            return self._client.get("/readyz").is_success
        except httpx.TransportError:
            return False


def settings_of(stack: Mapping[str, str], provider: str, name: str, sql: Path, state: str) -> dict[str, str]:
    """Return the settings of a provider's normalizer whose job, and all that belongs to it, has a name of its own."""
    return {
        **stack,
        "NORMALIZER_PROVIDER": provider,
        "NORMALIZER_SQL_DIR": str(sql),
        "NORMALIZER_STATE_DIR": state,
        "NORMALIZER_JOB_NAME": name,
        "NORMALIZER_GROUP_ID": name,
    }


class Stream:
    """The raw topics to write to, and everything that committed transactions have put on the two others."""

    def __init__(self, stack: Mapping[str, str], topics: Mapping[str, Topic]) -> None:
        self._topics = topics
        self._servers = stack["KAFKA_BOOTSTRAP_SERVERS"]
        self._producer = Producer({"bootstrap.servers": self._servers, "acks": "all"})
        self._registry = RegistryClient(stack["SCHEMA_REGISTRY_URL"])
        self.positions: dict[str, tuple[str, int, int]] = {}
        self._sent: dict[str, tuple[str, str, bytes]] = {}

    def send(self, example: Example, **changes: object) -> str:
        """Write the example as the gateway would, under an event id of its own, and return that."""
        source = raw_topic(example.provider)
        text = schema(source.record, source.version)
        registered = self._registry.lookup(source.subject, source.version, text)
        event_id = str(uuid.uuid4())
        found = found_in(ENVELOPES[example.provider], orjson.loads(example.body), example.headers)
        value = AvroEncoder(text, registered.id).encode(
            {
                "event_id": event_id,
                "provider": example.provider,
                "provider_event_id": found.event_id,
                "provider_event_type": found.event_type,
                "merchant_id": example.merchant_id,
                "api_version": None,
                "headers": {"content-type": "application/json"},
                "payload": example.body,
                "provider_created_at": _instant(found.created_at),
                "received_at": _instant(example.received_at) or datetime.now(UTC),
                "schema_version": source.version,
                "livemode": found.livemode,
            }
            | changes
        )
        self.write(example.provider, value, key=example.merchant_id, event_id=event_id)
        return event_id

    def write(self, provider: str, value: bytes, *, key: str, event_id: str) -> None:
        """Write a message, whatever it is, to a provider's topic, and note its position under the event's id."""

        def acknowledged(error: Any, message: Any) -> None:
            assert error is None, error
            self.positions[event_id] = (message.topic(), message.partition(), message.offset())

        self._sent[event_id] = self._topics[raw_topic(provider).name].name, key, value
        self._produce(event_id, acknowledged)

    def send_again(self, event_id: str) -> None:
        """Write what was sent once more, byte for byte, as a redrive does."""
        self._produce(event_id, lambda _error, _message: None)

    def _produce(self, event_id: str, acknowledged: Callable[[Any, Any], None]) -> None:
        topic, key, value = self._sent[event_id]
        self._producer.produce(topic, key=key, value=value, on_delivery=acknowledged)
        self._producer.poll(0)

    def flush(self) -> None:
        assert self._producer.flush(30) == 0

    def close(self) -> None:
        self.flush()
        self._registry.close()

    def read(self, topic: Topic) -> dict[str, list[dict[str, Any]]]:
        """Return every committed record of the topic's copy, by event id."""
        decoder = AvroDecoder(self._registry, schema(topic.record, topic.version))
        consumer = Consumer(
            {
                "bootstrap.servers": self._servers,
                "group.id": f"reader-{uuid.uuid4()}",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
            }
        )
        copy = self._topics[topic.name]
        consumer.assign([TopicPartition(copy.name, number, 0) for number in range(copy.partitions)])
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        ended: set[int] = set()
        while len(ended) < copy.partitions:
            message = consumer.poll(30)
            assert message is not None, f"{copy.name} cannot be read to its end"
            value, error = message.value(), message.error()
            if error is not None:
                assert error.code() == KafkaError._PARTITION_EOF, error
                ended.add(message.partition() or 0)
            elif value is not None:
                record = decoder.decode(value)
                found[record["event_id"]].append(record)
        consumer.close()
        return found


class Traffic:
    """Events that are sent all the while, fifty a second."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._evaluated = [example for example in STREAMED if example.kind != "unsupported"]
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self.sent: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()
        self._stream.flush()

    def _send(self) -> None:
        while not self._enough.wait(0.02):
            self.sent.append(self._stream.send(self._evaluated[len(self.sent) % len(self._evaluated)]))


@pytest.fixture
def job_name() -> str:
    return f"test-normalizer-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def topics(stack: Mapping[str, str], job_name: str) -> Iterator[Mapping[str, Topic]]:
    copies = {topic.name: replace(topic, name=f"{topic.name}.{job_name}") for topic in TOPICS}
    admin = AdminClient({"bootstrap.servers": stack["KAFKA_BOOTSTRAP_SERVERS"]})
    list(apply_topics(admin, list(copies.values()), 1))
    yield copies
    for deleted in admin.delete_topics([copy.name for copy in copies.values()]).values():
        deleted.result()


@pytest.fixture
def stream(stack: Mapping[str, str], topics: Mapping[str, Topic]) -> Iterator[Stream]:
    stream = Stream(stack, topics)
    yield stream
    stream.close()


@pytest.fixture(params=["disk", "object store"])
def state(request: pytest.FixtureRequest, stack: Mapping[str, str]) -> str:
    """Where the job's state lies: as the local stack has it, and as a cluster of several machines would."""
    return stack["NORMALIZER_STATE_DIR"] if request.param == "disk" else "s3://flink"


@pytest.fixture
def program(
    stack: Mapping[str, str], job_name: str, state: str, topics: Mapping[str, Topic], tmp_path: Path
) -> Iterator[Program]:
    """A normalizer that reads the topics of all providers, so that one job is enough for all examples."""
    sql = written_sql(stack, topics, tmp_path / "sql")
    source = sql / "sources" / "stripe.sql"
    read = ";".join(topics[raw_topic(provider).name].name for provider in ENVELOPES)
    source.write_text(source.read_text().replace(topics[raw_topic("stripe").name].name, read))
    program = Program(settings_of(stack, "stripe", job_name, sql, state), tmp_path / "normalizer.log")
    yield program
    program.close()
    _forget(stack, job_name, state)


@pytest.fixture
def program_of(
    stack: Mapping[str, str], job_name: str, topics: Mapping[str, Topic], tmp_path: Path
) -> Iterator[Callable[..., Program]]:
    """Makes the normalizer of a provider, whose state is on the disk."""
    sql = written_sql(stack, topics, tmp_path / "sql")
    state = stack["NORMALIZER_STATE_DIR"]
    made: dict[str, Program] = {}

    def make(provider: str, **more: str) -> Program:
        name = f"{job_name}-{provider}"
        made[name] = Program(settings_of(stack, provider, name, sql, state) | more, tmp_path / f"{name}.log")
        return made[name]

    yield make
    for name, program in made.items():
        program.close()
        _forget(stack, name, state)


def written_sql(stack: Mapping[str, str], topics: Mapping[str, Topic], folder: Path) -> Path:
    """Write the generated SQL with the names of the copies of topics, and return the folder."""
    generated = Path(stack["NORMALIZER_SQL_DIR"])
    for file in generated.rglob("*.sql"):
        place = folder / file.relative_to(generated)
        place.parent.mkdir(parents=True, exist_ok=True)
        text = re.sub(r"'topic' = '([^']+)'", lambda match: f"'topic' = '{topics[match[1]].name}'", file.read_text())
        place.write_text(text)
    return folder


def _forget(stack: Mapping[str, str], name: str, state: str) -> None:
    """Cancel what a failed test left running, and delete the job's state."""
    for job in jobs(stack, name):
        httpx.patch(f"{stack['FLINK_URL']}/jobs/{job}")
    store, directory = _store(stack, state)
    for kind in ("checkpoints", "savepoints"):
        if store.get_file_info(f"{directory}/{kind}/{name}").type == fs.FileType.Directory:
            store.delete_dir(f"{directory}/{kind}/{name}")


def _store(stack: Mapping[str, str], state: str) -> tuple[fs.FileSystem, str]:
    if state.startswith("file://"):
        return fs.LocalFileSystem(), state.removeprefix("file://")
    store = fs.S3FileSystem(
        access_key=stack["S3_ACCESS_KEY_ID"],
        secret_key=stack["S3_SECRET_ACCESS_KEY"],
        endpoint_override=stack["S3_ENDPOINT"],
        region=stack["S3_REGION"],
    )
    return store, state.removeprefix("s3://")


def jobs(stack: Mapping[str, str], name: str) -> list[str]:
    jobs = httpx.get(f"{stack['FLINK_URL']}/jobs/overview").json()["jobs"]
    return [
        job["jid"] for job in jobs if job["name"] == name and job["state"] not in {"FINISHED", "CANCELED", "FAILED"}
    ]


def kill(stack: Mapping[str, str], service: str) -> None:
    """Kill a server of the test stack, which its supervisor starts again."""
    marks = {f"PAYMENTS_SUPERVISED_BY={stack['PAYMENTS_STATE_DIR']}", f"SUPERVISOR_PROCESS_NAME={service}"}
    found = [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and marks <= _environment(entry) and b"java" in (entry / "cmdline").read_bytes()
    ]
    assert found, f"{service} does not run"
    for pid in found:
        os.kill(pid, signal.SIGKILL)


def _environment(entry: Path) -> set[str]:
    try:
        return set((entry / "environ").read_text(errors="replace").split("\0"))
    except OSError:
        return set()


def _instant(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
