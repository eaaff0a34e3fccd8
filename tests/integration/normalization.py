"""A normalizer's program over topics of its own, what is sent to it, and what comes out.

The topics are copies, so that a normalizer which runs beside the test neither reads these events nor adds its own.
"""

import os
import re
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from confluent_kafka.admin import AdminClient
from operations.topics import apply_topics
from payments_contracts.topics import TOPICS, Topic
from pyarrow import fs

from tests.integration.raw_stream import Stream, Traffic

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-flink" / "bin" / "python"
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
        self.launch()
        self.await_ready()

    def launch(self) -> None:
        """Start it without waiting until it is ready."""
        with self._log.open("ab") as log:
            command = [str(PYTHON), "-m", "normalizer"]
            self._process = subprocess.Popen(command, env=self._environment, stderr=log, stdout=log)

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
        # Far more of the examples are there to be rejected than of what a provider sends.
        "NORMALIZER_REJECTED_COUNT": "100000",
    }


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


@pytest.fixture
def state(request: pytest.FixtureRequest, stack: Mapping[str, str]) -> str:
    """Where the job's state is: on the `disk`, as in the local stack, or in the `object store`, as in a cluster."""
    return stack["NORMALIZER_STATE_DIR"] if request.param == "disk" else "s3://flink"


@pytest.fixture
def program(
    stack: Mapping[str, str], job_name: str, state: str, topics: Mapping[str, Topic], tmp_path: Path
) -> Iterator[Program]:
    """The normalizer of the provider whose events `Traffic` sends."""
    sql = written_sql(stack, topics, tmp_path / "sql")
    program = Program(settings_of(stack, Traffic.provider, job_name, sql, state), tmp_path / "normalizer.log")
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


def plan(stack: Mapping[str, str], job_id: str) -> Path:
    """Return the file by which the job manager remembers a job."""
    directory = Path(stack["PAYMENTS_STATE_DIR"]) / "data" / "flink" / "recovery" / "default" / "jobs"
    return directory / f"{job_id}.plan"


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
