"""A job manager in memory, for the watcher's and the cluster's tests."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_REQUEST_LINE = 4096
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class FakeJob:
    id: str
    name: str = "normalizer-stripe"
    state: str = "RUNNING"
    tasks: tuple[str, ...] = ("RUNNING",)
    checkpoints: int = 1
    restored: int = 0
    restored_at: datetime = NOW
    began_at: datetime = NOW
    parameters: dict[str, str] = field(default_factory=dict)
    stacktrace: str = ""
    savepoint: dict[str, Any] = field(
        default_factory=lambda: {"location": "s3://flink/savepoints/normalizer/savepoint-1"}
    )


class FakeFlink:
    """A job manager in memory, spoken to through the same HTTP client as the real one."""

    def __init__(self) -> None:
        self.jobs: dict[str, FakeJob] = {}
        self.slots = 4
        self.away = False
        self.broken = False
        self.requests: list[str] = []
        self.metrics: dict[str, float] = {}
        self.statistics_fail = False
        self.stopped: dict[str, Any] = {}
        self.checkpoints_take: int | None = None
        self.asked_after = 0
        self.on_request: Callable[[], object] = lambda: None
        self.on_list: Callable[[], object] = lambda: None
        self.on_look: Callable[[], object] = lambda: None

    def add(self, job: FakeJob) -> FakeJob:
        self.jobs[job.id] = job
        return job

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(f"{request.method} {request.url.path}")
        self.on_request()
        if self.away:
            raise httpx.ConnectError("refused", request=request)
        if self.broken:
            trace = "AskTimeoutException: Ask timed out after [10000 ms]\n\tat x.Y"
            return httpx.Response(500, json={"errors": [trace]})
        line = b" ".join((request.method.encode(), request.url.raw_path, b"HTTP/1.1"))
        if len(line) > LONGEST_REQUEST_LINE:
            # The answer of Flink 2.3 to it, word for word.
            return httpx.Response(404, json={"errors": ["Unable to load requested file /bad-request."]})
        match request.url.path.strip("/").split("/"):
            case ["overview"]:
                return httpx.Response(200, json={"slots-total": self.slots})
            case ["jobs", "overview"]:
                jobs = [{"jid": job.id, "name": job.name, "state": job.state} for job in self.jobs.values()]
                self.on_list()
                return httpx.Response(200, json={"jobs": jobs})
            case ["jobs", job_id, *rest] if job_id in self.jobs:
                return self._job(self.jobs[job_id], rest, request)
        return httpx.Response(404, json={"errors": ["JobNotFoundException: no such job\n\tat x.Y"]})

    def _job(self, job: FakeJob, rest: list[str], request: httpx.Request) -> httpx.Response:  # noqa: C901, PLR0912  # its paths
        latest = {"latest_ack_timestamp": int(NOW.timestamp() * 1000)} if job.checkpoints else None
        match rest:
            case [] if request.method == "PATCH":
                job.state = "CANCELED"
                return httpx.Response(202, json={})
            case []:
                self.on_look()
                vertices = [{"id": f"v{n}", "status": status} for n, status in enumerate(job.tasks)]
                began_at = int(job.began_at.timestamp() * 1000)
                body: Any = {"state": job.state, "start-time": began_at, "vertices": vertices}
            case ["checkpoints", _]:
                body = self._request_for_checkpoint()
            case ["checkpoints"]:
                self.asked_after = 0
                body = {
                    "request-id": "1",
                    "counts": {"completed": job.checkpoints, "restored": job.restored},
                    "latest": {"completed": latest, "restored": self._restored(job)},
                }
            case ["config"]:
                body = {"execution-config": {"user-config": job.parameters}}
            case ["exceptions"]:
                entries = [{"stacktrace": job.stacktrace}] if job.stacktrace else []
                body = {"exceptionHistory": {"entries": entries}}
            case ["stop"]:
                if job.state != "RUNNING":
                    return httpx.Response(409, json={"errors": ["CheckpointException: not all tasks run\n\tat x.Y"]})
                self.stopped = json.loads(request.content)
                body = {"request-id": self.stopped["triggerId"]}
            case ["savepoints", request_id] if request_id == self.stopped.get("triggerId"):
                if "location" in job.savepoint:
                    job.state = "FINISHED"
                body = {"status": {"id": "COMPLETED" if job.savepoint else "IN_PROGRESS"}, "operation": job.savepoint}
            case ["vertices", *_] if self.statistics_fail:
                return httpx.Response(500, json={"errors": ["Internal server error."]})
            case ["vertices", _, "subtasks", "metrics"]:
                wanted = request.url.params.get("get")
                names = wanted.split(",") if wanted else self.metrics
                body = [{"id": name, "sum": self.metrics[name]} for name in names]
            case _:
                return httpx.Response(404, json={"errors": ["Not found: " + request.url.path]})
        return httpx.Response(200, json=body)

    def _restored(self, job: FakeJob) -> dict[str, object] | None:
        """Return what Flink 2.3 tells of it, the time of the snapshot not among it."""
        if not job.restored:
            return None
        path = f"file:/state/checkpoints/{job.name}/{job.id}/chk-41"
        at = int(job.restored_at.timestamp() * 1000)
        return {"id": 41, "restore_timestamp": at, "is_savepoint": False, "external_path": path}

    def _request_for_checkpoint(self) -> dict[str, object]:
        self.asked_after += 1
        done = self.checkpoints_take is None or self.asked_after >= self.checkpoints_take
        return {"status": {"id": "COMPLETED" if done else "IN_PROGRESS"}}
