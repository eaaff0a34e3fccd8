"""Running a job of Dagster, against a fake of its GraphQL."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from operations.dagster import RunFailedError, RunUnfinishedError, launch, wait
from operations.errors import RefreshError, UnavailableError

URL = "http://dagster.test"
JOBS = {
    "repositoriesOrError": {
        "__typename": "RepositoryConnection",
        "nodes": [
            {"name": "repo", "location": {"name": "place"}, "jobs": [{"name": "__ASSET_JOB"}, {"name": "refresh"}]}
        ],
    }
}
STARTED = {"launchRun": {"__typename": "LaunchRunSuccess", "run": {"runId": "run-1"}}}


class FakeDagster:
    """Answers each named query from a script: one answer, or one after the other, the last again and again."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = {
            name: list(answer) if isinstance(answer, list) else [answer] for name, answer in answers.items()
        }
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        name = body["query"].split()[1].split("(")[0]
        self.asked.append((name, body["variables"]))
        answers = self.answers[name]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json={"data": answer})


class Hours:
    """A clock that moves only while somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def status(name: str) -> dict[str, Any]:
    return {"runOrError": {"__typename": "Run", "status": name}}


def events(*items: dict[str, Any], cursor: str = "1", more: bool = False) -> dict[str, Any]:
    return {"logsForRun": {"__typename": "EventConnection", "cursor": cursor, "hasMore": more, "events": list(items)}}


def run(fake: FakeDagster, timeout: float = 10) -> None:
    clock = Hours()
    wait(URL, "run-1", timeout, transport=httpx.MockTransport(fake), now=clock.now, sleep=clock.sleep)


def test_launches_the_job_in_the_location_that_has_it() -> None:
    fake = FakeDagster({"Jobs": JOBS, "Launch": STARTED})
    assert launch(URL, "refresh", transport=httpx.MockTransport(fake)) == "run-1"
    selector = {"jobName": "refresh", "repositoryName": "repo", "repositoryLocationName": "place"}
    assert fake.asked[-1] == ("Launch", {"executionParams": {"selector": selector}})


def test_names_the_jobs_there_are_when_the_asked_one_is_not_among_them() -> None:
    fake = FakeDagster({"Jobs": JOBS, "Locations": {"workspaceOrError": {"locationEntries": []}}})
    with pytest.raises(RefreshError, match=r"no job rebuild: it has refresh\.$"):
        launch(URL, "rebuild", transport=httpx.MockTransport(fake))


def test_says_why_a_code_location_does_not_load_when_the_job_is_missing() -> None:
    error = {"__typename": "PythonError", "message": "NotPreparedError: run `python -m analytics`\n"}
    entries = [{"name": "analytics.definitions", "locationOrLoadError": error}]
    empty = {"repositoriesOrError": {"__typename": "RepositoryConnection", "nodes": []}}
    fake = FakeDagster({"Jobs": empty, "Locations": {"workspaceOrError": {"locationEntries": entries}}})
    with pytest.raises(RefreshError, match=r"analytics\.definitions does not load: NotPreparedError"):
        launch(URL, "refresh", transport=httpx.MockTransport(fake))


def test_says_why_dagster_refuses_a_launch() -> None:
    refusal = {"launchRun": {"__typename": "RunConfigValidationInvalid", "errors": [{"message": "missing config"}]}}
    fake = FakeDagster({"Jobs": JOBS, "Launch": refusal})
    with pytest.raises(RefreshError, match="does not start the job refresh: missing config"):
        launch(URL, "refresh", transport=httpx.MockTransport(fake))


def test_returns_when_the_run_succeeded() -> None:
    fake = FakeDagster({"Status": [status("QUEUED"), status("STARTED"), status("SUCCESS")]})
    run(fake)
    assert [name for name, _ in fake.asked] == ["Status"] * 3


def test_raises_the_failing_steps_innermost_error() -> None:
    chain = [
        {"error": {"message": "DagsterExecutionStepExecutionError: Error"}},
        {"error": {"message": "dbt: no Trino\n"}},
    ]
    step = {
        "__typename": "ExecutionStepFailureEvent",
        "stepKey": "dbt_build",
        "error": {"message": "outer", "errorChain": chain},
    }
    ending = {"__typename": "RunFailureEvent", "message": "Steps failed: ['dbt_build']", "error": None}
    pages = [events({"__typename": "LogMessageEvent"}, cursor="7", more=True), events(step, ending)]
    fake = FakeDagster({"Status": status("FAILURE"), "Events": pages})
    with pytest.raises(
        RunFailedError, match=r"run-1 failed: step dbt_build: dbt: no Trino\. See http://dagster\.test/runs"
    ):
        run(fake)
    assert [variables["cursor"] for name, variables in fake.asked if name == "Events"] == [None, "7"]


def test_raises_the_runs_own_error_when_no_step_failed() -> None:
    ending = {"__typename": "RunFailureEvent", "message": "Could not load the job", "error": None}
    fake = FakeDagster({"Status": status("FAILURE"), "Events": events(ending)})
    with pytest.raises(RunFailedError, match="run-1 failed: Could not load the job"):
        run(fake)


def test_points_at_the_daemon_when_the_run_stays_in_the_queue() -> None:
    with pytest.raises(RunUnfinishedError, match=r"QUEUED after 10 s.*dagster-daemon"):
        run(FakeDagster({"Status": status("QUEUED")}))


def test_says_that_a_run_is_unknown() -> None:
    unknown = {"runOrError": {"__typename": "RunNotFoundError", "message": "Run run-1 could not be found."}}
    with pytest.raises(RefreshError, match=r"does not know the run run-1: Run run-1 could not be found\."):
        run(FakeDagster({"Status": unknown}))


def test_says_that_dagster_does_not_answer() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)

    with pytest.raises(UnavailableError, match=r"http://dagster\.test does not answer \(connection refused\)"):
        launch(URL, "refresh", transport=httpx.MockTransport(refuse))


def test_says_that_something_else_answers() -> None:
    fake = FakeDagster({"Jobs": httpx.Response(404, text="not found")})
    with pytest.raises(UnavailableError, match=r"otherwise than its API promises \(404, text/plain"):
        launch(URL, "refresh", transport=httpx.MockTransport(fake))
