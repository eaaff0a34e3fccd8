"""A workflow as the HTTP API of Temporal's frontend tells it."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from operations.audit.hops import Place
from operations.errors import UnavailableError
from operations.trace.workflows import EventWorkflows

START = {
    "position": {"topic": "payments.normalized", "partition": 4, "offset": 88, "written_at": "2026-03-01T12:00:00Z"}
}
INFO = {
    "execution": {"workflowId": "e", "runId": "run"},
    "startTime": "2026-03-01T12:00:01.123456789Z",
    "memo": {"fields": {"start": START}},
}
EVENT = {"event_id": "e", "received_at": "2026-03-01T12:00:00Z", "status": "succeeded"}


def workflows(answers: Mapping[str, Any]) -> EventWorkflows:
    """Answer requests by the end of their path; what is not listed is not found."""

    def answer(request: httpx.Request) -> httpx.Response:
        name = request.url.path.removeprefix("/api/v1/namespaces/payments/workflows/")
        return httpx.Response(200, json=answers[name]) if name in answers else httpx.Response(404)

    return EventWorkflows("http://temporal", "payments", transport=httpx.MockTransport(answer))


def described(status: str, **more: Any) -> dict[str, Any]:
    return {"workflowExecutionInfo": {**INFO, "status": f"WORKFLOW_EXECUTION_STATUS_{status}", **more}}


def first(name: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {"history": {"events": [{f"workflowExecution{name}EventAttributes": attributes}]}}


def encoded(value: object) -> dict[str, Any]:
    data = base64.b64encode(json.dumps(value).encode()).decode()
    return {"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": data}


def test_a_completed_workflow_tells_its_run_its_times_and_where_its_event_was_read() -> None:
    found = workflows({"e": described("COMPLETED", closeTime="2026-03-01T12:00:02Z")}).find("e", with_event=False)
    assert found is not None
    assert (found.run_id, found.status, found.place) == ("run", "COMPLETED", Place("payments.normalized", 4, 88))
    assert (found.started_at.microsecond, found.closed_at is None) == (123456, False)


def test_an_event_that_temporal_does_not_know_has_no_workflow() -> None:
    assert workflows({}).find("e", with_event=True) is None


@pytest.mark.parametrize("write", [lambda value: value, encoded], ids=["plainly", "encoded"])
def test_a_running_workflow_tells_its_event_its_step_and_what_it_waits_for(write: Any) -> None:
    activity = {"activityType": {"name": "persist"}, "attempt": 3, "lastFailure": {"message": "away"}}
    running = described("RUNNING", memo={"fields": {"start": write(START)}}) | {"pendingActivities": [activity]}
    answers = {
        "e": running,
        "e/query/state": {"queryResult": [write({"step": "bronze"})]},
        "e/history": first("Started", {"input": [write(EVENT)]}),
    }
    found = workflows(answers).find("e", with_event=True)
    assert found is not None
    assert (found.step, found.pending) == ("bronze", ("persist, attempt 3, last failure: away",))
    assert found.event is not None
    assert found.event["received_at"].hour == 12  # as above
    assert found.place == Place("payments.normalized", 4, 88)


def test_a_worker_that_does_not_answer_leaves_the_step_unknown() -> None:
    found = workflows({"e": described("RUNNING")}).find("e", with_event=False)
    assert found is not None
    assert found.step is None


def test_a_failed_workflow_tells_why() -> None:
    answers = {"e": described("FAILED"), "e/history": first("Failed", {"failure": {"message": "row refused"}})}
    found = workflows(answers).find("e", with_event=False)
    assert found is not None
    assert found.failure == "row refused"


def test_temporal_that_is_away_is_told() -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    client = EventWorkflows("http://temporal:7243", "payments", transport=httpx.MockTransport(fail))
    with pytest.raises(UnavailableError, match="Temporal at temporal:7243 does not answer"):
        client.find("e", with_event=False)
