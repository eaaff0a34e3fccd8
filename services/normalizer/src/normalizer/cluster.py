"""The adapter to the job manager's REST API.

https://nightlies.apache.org/flink/flink-docs-release-2.3/docs/ops/rest_api/
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from normalizer.errors import ClusterAway, RefusedRequest
from normalizer.job import JobSummary, JobView, Restoration

REASON_LINES = 6
# Flink's REST server refuses a request line of more than 4096 bytes, of which some 200 are the path.
QUERY_BYTES = 3000


@dataclass(frozen=True, slots=True)
class Savepoint:
    """A savepoint that has ended: where it is, or why it failed."""

    location: str | None
    failure: str


class Cluster:
    """One Flink cluster, spoken to through `client`, whose base URL is the job manager's.

    Every method raises ClusterAway when the job manager does not answer, or says that something in it went wrong (5xx),
    and RefusedRequest when it refuses.
    """

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def slots(self) -> int:
        """Return the task slots of all task managers."""
        return int(self._get("/overview")["slots-total"])

    def jobs(self) -> tuple[JobSummary, ...]:
        """Return every job that the job manager remembers."""
        return tuple(JobSummary(job["jid"], job["name"], job["state"]) for job in self._get("/jobs/overview")["jobs"])

    def view(self, job_id: str) -> JobView | None:
        """Return a look at the job, or None when the job manager does not know it."""
        details = self._find(f"/jobs/{job_id}")
        checkpoints = self._find(f"/jobs/{job_id}/checkpoints")
        if details is None or checkpoints is None:
            return None
        completed = checkpoints["latest"]["completed"]
        restored = checkpoints["latest"]["restored"]
        return JobView(
            state=details["state"],
            began_at=_instant(details["start-time"]),
            tasks=tuple(vertex["status"] for vertex in details["vertices"]),
            checkpoints_completed=checkpoints["counts"]["completed"],
            restored=checkpoints["counts"]["restored"],
            checkpointed_at=_instant(completed["latest_ack_timestamp"]) if completed else None,
            restoration=_restoration(restored) if restored else None,
        )

    def parameters(self, job_id: str) -> Mapping[str, str]:
        """Return the parameters that the job was submitted with."""
        found = self._find(f"/jobs/{job_id}/config") or {}
        parameters: Mapping[str, str] = found.get("execution-config", {}).get("user-config", {})
        return parameters

    def failure(self, job_id: str) -> str:
        """Return the first lines of the job's latest failure: the exception and its causes, without their frames."""
        failures = self.failures(job_id)
        return summary(failures[0]) if failures else "the job manager names no exception"

    def failures(self, job_id: str) -> tuple[str, ...]:
        """Return the stack traces of the job's failures that the job manager remembers, the latest first."""
        found = self._find(f"/jobs/{job_id}/exceptions") or {}
        return tuple(entry["stacktrace"] for entry in found.get("exceptionHistory", {}).get("entries", []))

    def stop(self, job_id: str, directory: str, request_id: str) -> None:
        """Ask the job to stop with a savepoint in `directory`; asking again with the same id is asking once."""
        body = {"targetDirectory": directory, "drain": False, "formatType": "CANONICAL", "triggerId": request_id}
        self._post(f"/jobs/{job_id}/stop", body)

    def checkpoint(self, job_id: str) -> str:
        """Ask the job for a checkpoint, without waiting for it; return the id of the request."""
        return str(self._post(f"/jobs/{job_id}/checkpoints", {})["request-id"])

    def is_checkpointing(self, job_id: str, request_id: str) -> bool:
        """Tell whether a request for a checkpoint is still being answered; one that is forgotten has been."""
        answer = self._find(f"/jobs/{job_id}/checkpoints/{request_id}")
        return answer is not None and answer["status"]["id"] != "COMPLETED"

    def savepoint(self, job_id: str, request_id: str) -> Savepoint | None:
        """Return the outcome of a stop request, or None while it goes on."""
        answer = self._get(f"/jobs/{job_id}/savepoints/{request_id}")
        if answer["status"]["id"] != "COMPLETED":
            return None
        operation = answer["operation"]
        cause = operation.get("failure-cause", {}).get("stack-trace", "")
        return Savepoint(operation.get("location"), summary(cause))

    def cancel(self, job_id: str) -> None:
        """Cancel the job; its last checkpoint is kept."""
        _json(self._send("PATCH", f"/jobs/{job_id}", params={"mode": "cancel"}))

    def metrics(self, job_id: str, *containing: str) -> Mapping[str, float]:
        """Return the job's metrics whose name contains one of the texts, summed over subtasks and vertices."""
        details = self._find(f"/jobs/{job_id}")
        values: dict[str, float] = {}
        for vertex in details["vertices"] if details else ():
            path = f"/jobs/{job_id}/vertices/{vertex['id']}/subtasks/metrics"
            known = [metric["id"] for metric in self._get(path)]
            for names in _queries(name for name in known if any(text in name for text in containing)):
                for metric in self._get(path, {"get": ",".join(names), "agg": "sum"}):
                    values[metric["id"]] = values.get(metric["id"], 0.0) + float(metric["sum"])
        return values

    def _find(self, path: str) -> Any:
        response = self._send("GET", path)
        return None if response.status_code == HTTPStatus.NOT_FOUND else _json(response)

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        return _json(self._send("GET", path, params=query))

    def _post(self, path: str, body: Mapping[str, object]) -> Any:
        return _json(self._send("POST", path, json=body))

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = self._client.request(method, path, **options)
        except httpx.TransportError as error:
            raise ClusterAway(f"{self._client.base_url} does not answer: {error!r}") from error
        if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            raise ClusterAway(f"{self._client.base_url} is not ready yet")
        if response.is_server_error:
            # A job manager that is busy answers so, too, when it has waited for itself for too long.
            raise ClusterAway(_refusal(response))
        return response


def _queries(names: Iterable[str]) -> Iterator[list[str]]:
    """Yield the names in groups that fit into a query each; a name that fits into none is left out."""
    group: list[str] = []
    length = 0
    for name in names:
        size = len(quote(name, safe="")) + len("%2C")
        if size > QUERY_BYTES:
            continue
        if group and length + size > QUERY_BYTES:
            yield group
            group, length = [], 0
        group.append(name)
        length += size
    if group:
        yield group


def summary(stacktrace: str) -> str:
    """Return the exception and its causes, one per line, without stack frames."""
    lines = stacktrace.strip().splitlines()
    heads = [line.strip() for line in lines if line.strip() and not line.startswith(("\t", "    at "))]
    return "\n".join([*heads[:1], *heads[1:][-(REASON_LINES - 1) :]])


def messages(errors: Iterable[str]) -> str:
    """Return the REST API's error texts as one, without stack frames."""
    return "\n".join(summary(error) for error in errors)


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)


def _restoration(told: Mapping[str, Any]) -> Restoration:
    # The time of the snapshot itself is not among what Flink tells.
    return Restoration(told["id"], _instant(told["restore_timestamp"]), told["external_path"] or "")


def _json(response: httpx.Response) -> Any:
    if response.is_success:
        return response.json()
    raise RefusedRequest(_refusal(response))


def _refusal(response: httpx.Response) -> str:
    try:
        text = messages(response.json()["errors"])
    except (ValueError, KeyError, TypeError):
        text = response.text[:500]
    return f"{response.request.method} {response.request.url.path}: {response.status_code} {text}"
