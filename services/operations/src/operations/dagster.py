"""Runs a job of Dagster over its GraphQL interface."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from kit.answers import object_of, promised

from operations.errors import RefreshError, UnavailableError

_REQUEST_TIMEOUT_SECONDS = 30.0
_INTERVAL_SECONDS = 1.0
_EVENTS_PER_PAGE = 500
_UNFINISHED_HINTS = {
    "QUEUED": " Runs leave the queue by dagster-daemon: is it up? Another run may also hold the pool.",
    "NOT_STARTED": " Runs are started by dagster-daemon: is it up?",
}

_JOBS = """
query Jobs {
  repositoriesOrError {
    __typename
    ... on RepositoryConnection { nodes { name location { name } jobs { name } } }
    ... on Error { message }
  }
}
"""
_LOCATIONS = """
query Locations {
  workspaceOrError {
    ... on Workspace { locationEntries { name locationOrLoadError { __typename ... on PythonError { message } } } }
  }
}
"""
_LAUNCH = """
mutation Launch($executionParams: ExecutionParams!) {
  launchRun(executionParams: $executionParams) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on Error { message }
  }
}
"""
_STATUS = """
query Status($runId: ID!) {
  runOrError(runId: $runId) {
    __typename
    ... on Run { status }
    ... on Error { message }
  }
}
"""
_EVENTS = """
query Events($runId: ID!, $cursor: String, $limit: Int!) {
  logsForRun(runId: $runId, afterCursor: $cursor, limit: $limit) {
    __typename
    ... on EventConnection {
      cursor
      hasMore
      events {
        __typename
        ... on MessageEvent { message }
        ... on ObservationEvent {
          stepKey
          metadataEntries { label ... on IntMetadataEntry { intRepr } ... on TextMetadataEntry { text } }
        }
        ... on ExecutionStepFailureEvent { stepKey error { message errorChain { error { message } } } }
        ... on RunFailureEvent { error { message } }
      }
    }
  }
}
"""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a step of a run observed: numbers as they are, texts, by name."""

    step: str
    told: Mapping[str, str | int]


class RunFailedError(RefreshError):
    """A run of Dagster ended without success; the message names the step and its error."""


class RunUnfinishedError(RefreshError):
    """A run of Dagster did not end in the time given."""


def launch(url: str, job: str, *, transport: httpx.BaseTransport | None = None) -> str:
    """Start `job` on the Dagster whose web server is at `url`. Returns the run's id.

    Raises:
        UnavailableError: Dagster does not answer.
        RefreshError: there is no such job, or Dagster refuses to start it.
    """
    with _connect(url, transport) as client:
        name, location = _find_repository(client, job)
        selector = {"jobName": job, "repositoryName": name, "repositoryLocationName": location}
        answer = _ask(client, _LAUNCH, executionParams={"selector": selector})["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            raise RefreshError(f"Dagster does not start the job {job}: {_reason(answer)}")
        return str(answer["run"]["runId"])


def wait(
    url: str,
    run_id: str,
    timeout: float,
    *,
    transport: httpx.BaseTransport | None = None,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait until the run succeeded, `timeout` seconds at most.

    Raises:
        RunFailedError: the run failed or was canceled.
        RunUnfinishedError: the run did not end in time; it goes on.
        UnavailableError: Dagster does not answer.
    """
    deadline = now() + timeout
    with _connect(url, transport) as client:
        while True:
            status = _find_status(client, run_id)
            if status == "SUCCESS":
                return
            if status in {"FAILURE", "CANCELED"}:
                reason = "; ".join(_find_failures(client, run_id)) or "it gives no reason"
                ending = "failed" if status == "FAILURE" else "was canceled"
                raise RunFailedError(f"The Dagster run {run_id} {ending}: {reason}. See {url}/runs/{run_id}")
            if now() >= deadline:
                hint = _UNFINISHED_HINTS.get(status, "")
                raise RunUnfinishedError(
                    f"The Dagster run {run_id} is {status} after {timeout:.0f} s.{hint} See {url}/runs/{run_id}"
                )
            sleep(_INTERVAL_SECONDS)


def find_observations(url: str, run_id: str, *, transport: httpx.BaseTransport | None = None) -> list[Observation]:
    """What the steps of a run have observed so far, in the order in which they did.

    Raises:
        UnavailableError: Dagster does not answer.
    """
    with _connect(url, transport) as client:
        return [
            Observation(event["stepKey"], {entry["label"]: _value(entry) for entry in event["metadataEntries"]})
            for event in _read_events(client, run_id)
            if event["__typename"] == "ObservationEvent"
        ]


def _value(entry: Mapping[str, str]) -> str | int:
    return int(entry["intRepr"]) if "intRepr" in entry else entry.get("text", "")


def _connect(url: str, transport: httpx.BaseTransport | None) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=_REQUEST_TIMEOUT_SECONDS, transport=transport, trust_env=False)


def _ask(client: httpx.Client, query: str, **variables: Any) -> dict[str, Any]:
    address = str(client.base_url).rstrip("/")
    try:
        response = client.post("/graphql", json={"query": query, "variables": variables})
    except httpx.HTTPError as error:
        raise UnavailableError(
            f"Dagster at {address} does not answer ({error}). Is it up? See `make status`."
        ) from error
    answer = object_of(f"Dagster at {address}", response, UnavailableError)
    if errors := answer.get("errors"):
        raise RefreshError(f"Dagster refused the query: {'; '.join(str(each['message']) for each in errors)}")
    with promised(f"Dagster at {address}", response, UnavailableError):
        data: dict[str, Any] = answer["data"]
    return data


def _find_repository(client: httpx.Client, job: str) -> tuple[str, str]:
    answer = _ask(client, _JOBS)["repositoriesOrError"]
    if answer["__typename"] != "RepositoryConnection":
        raise RefreshError(f"Dagster does not list its jobs: {_reason(answer)}")
    known: set[str] = set()
    for repository in answer["nodes"]:
        jobs = {str(each["name"]) for each in repository["jobs"]}
        if job in jobs:
            return str(repository["name"]), str(repository["location"]["name"])
        # Names in double underscores are Dagster's own.
        known.update(name for name in jobs if not name.startswith("__"))
    reason = f"it has {', '.join(sorted(known)) or 'none'}"
    if problems := list(_find_load_errors(client)):
        reason += f"; {'; '.join(problems)}"
    raise RefreshError(f"Dagster has no job {job}: {reason}.")


def _find_load_errors(client: httpx.Client) -> Iterator[str]:
    for entry in _ask(client, _LOCATIONS)["workspaceOrError"].get("locationEntries", []):
        loaded = entry["locationOrLoadError"]
        if loaded and loaded["__typename"] == "PythonError":
            yield f"the code location {entry['name']} does not load: {loaded['message'].strip()}"


def _find_status(client: httpx.Client, run_id: str) -> str:
    answer = _ask(client, _STATUS, runId=run_id)["runOrError"]
    if answer["__typename"] != "Run":
        raise RefreshError(f"Dagster does not know the run {run_id}: {_reason(answer)}")
    return str(answer["status"])


def _find_failures(client: httpx.Client, run_id: str) -> list[str]:
    """What the failed steps say; where no step failed, what the run says."""
    steps: list[str] = []
    runs: list[str] = []
    for event in _read_events(client, run_id):
        match event["__typename"]:
            case "ExecutionStepFailureEvent":
                steps.append(f"step {event['stepKey']}: {_step_error(event)}")
            case "RunFailureEvent" | "RunCanceledEvent":
                runs.append(_first(event.get("error"), event.get("message")))
    return steps or runs


def _read_events(client: httpx.Client, run_id: str) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    while True:
        page = _ask(client, _EVENTS, runId=run_id, cursor=cursor, limit=_EVENTS_PER_PAGE)["logsForRun"]
        if page["__typename"] != "EventConnection":
            return
        yield from page["events"]
        if not page["hasMore"]:
            return
        cursor = page["cursor"]


def _step_error(event: dict[str, Any]) -> str:
    error = event.get("error") or {}
    # The step's own error wraps the one that says what happened, which stands last.
    chain = [link["error"]["message"].strip() for link in error.get("errorChain", [])]
    return chain[-1] if chain else _first(error, event.get("message"))


def _first(error: dict[str, Any] | None, message: str | None) -> str:
    return ((error or {}).get("message") or message or "no message").strip()


def _reason(answer: dict[str, Any]) -> str:
    if errors := answer.get("errors"):
        return "; ".join(str(each["message"]) for each in errors)
    return str(answer.get("message") or answer["__typename"])
