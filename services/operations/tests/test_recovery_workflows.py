"""Workflows are looked for and started again by Temporal's HTTP API."""

import json
from datetime import UTC, datetime

import httpx
import pytest
from operations.errors import DeploymentError, UnavailableError
from operations.recovery.workflows import Workflows

EVENTS = [
    {"eventId": "1", "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED"},
    {"eventId": "4", "eventType": "EVENT_TYPE_WORKFLOW_TASK_COMPLETED"},
    {"eventId": "9", "eventType": "EVENT_TYPE_WORKFLOW_TASK_COMPLETED"},
]


class Temporal:
    """Three ended workflows on two pages, one of them twice."""

    def __init__(self, status: int = 200) -> None:
        self.requests: list[httpx.Request] = []
        self._status = status
        self.events = EVENTS

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.path.removeprefix("/api/v1/namespaces/payments/workflows")
        if self._status != httpx.codes.OK:
            return httpx.Response(self._status, json={"message": "no"})
        if path.endswith("/history"):
            return httpx.Response(200, json={"history": {"events": self.events}})
        if path.endswith("/reset"):
            return httpx.Response(200, json={"runId": "new"})
        if "nextPageToken" not in request.url.params:
            return httpx.Response(200, json={"executions": [of("a"), of("b")], "nextPageToken": "more"})
        return httpx.Response(200, json={"executions": [of("a"), of("c")]})

    def workflows(self) -> Workflows:
        return Workflows("http://temporal", "payments", transport=httpx.MockTransport(self.answer))


def of(workflow_id: str) -> dict[str, dict[str, str]]:
    return {"execution": {"workflowId": workflow_id, "runId": "1"}}


def test_ended_workflows_are_found_page_by_page_and_once_each() -> None:
    temporal = Temporal()
    since = datetime(2026, 3, 1, tzinfo=UTC)
    assert temporal.workflows().ended(["failed", "timed_out"], 100, since) == ["a", "b", "c"]
    assert temporal.requests[0].url.params["query"] == (
        "ExecutionStatus IN ('Failed', 'TimedOut') AND CloseTime >= '2026-03-01T00:00:00+00:00'"
    )


def test_no_more_are_looked_for_than_asked() -> None:
    temporal = Temporal()
    assert temporal.workflows().ended(["failed"], 2) == ["a", "b"]
    assert len(temporal.requests) == 1


def test_a_workflow_is_reset_to_its_first_step() -> None:
    temporal = Temporal()
    assert temporal.workflows().restart("a") is None
    body = json.loads(temporal.requests[-1].content)
    assert (body["workflowTaskFinishEventId"], body["workflowExecution"]) == ("4", {"workflowId": "a"})


def test_it_is_said_why_a_workflow_cannot_be_started_again() -> None:
    assert Temporal(404).workflows().restart("a") == "Temporal knows no workflow of it any more"
    temporal = Temporal()
    temporal.events = EVENTS[:1]
    assert temporal.workflows().restart("a") == "its workflow has done nothing yet"


@pytest.mark.parametrize(("status", "kind"), [(503, UnavailableError), (400, DeploymentError)])
def test_an_error_of_temporal_is_told(status: int, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=str(status)):
        Temporal(status).workflows().ended(["failed"], 1)
