"""Temporal, asked for the workflow of an event by its id, over the HTTP API of its frontend."""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
from kit.answers import object_of, promised
from kit.connection import Http, endpoint_of, tls_refusal
from kit.settings.temporal import TEMPORAL_TLS

from operations.audit.hops import Place
from operations.errors import UnavailableError
from operations.trace.facts import Row, Workflow

_WHO = "Temporal"
_TIMEOUT_SECONDS = 2.0
_START = "start"
"""The memo in which the orchestrator keeps how it started a workflow."""
_QUERY = "state"
_QUERY_SECONDS = 1.0
_RUNNING = "RUNNING"


class EventWorkflows:
    """Reads the workflows of events, whose ids are those of the events."""

    def __init__(self, http: Http, namespace: str, *, transport: httpx.BaseTransport | None = None) -> None:
        where = endpoint_of(http)
        self._client = httpx.Client(
            base_url=f"{where.url.rstrip('/')}/api/v1/namespaces/{quote(namespace, safe='')}/workflows",
            timeout=_TIMEOUT_SECONDS,
            transport=transport,
            **where.options(),
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def find(self, event_id: str, *, with_event: bool) -> Workflow | None:
        """Return the workflow of an event, as its newest run stands; None where Temporal knows none, or no more.

        Raises:
            UnavailableError: Temporal does not answer, or not as it should.
        """
        path = f"/{quote(event_id, safe='')}"
        answer = self._ask(path)
        if answer is None:
            return None
        with promised(_WHO, failure=UnavailableError):
            return self._told(path, answer, with_event=with_event)

    def _told(self, path: str, answer: Mapping[str, Any], *, with_event: bool) -> Workflow:
        info = answer["workflowExecutionInfo"]
        status = str(info["status"]).removeprefix("WORKFLOW_EXECUTION_STATUS_")
        start = _value(info.get("memo", {}).get("fields", {}).get(_START)) or {}
        position = start.get("position") or {}
        return Workflow(
            run_id=info["execution"]["runId"],
            status=status,
            started_at=_moment(info["startTime"]),
            closed_at=_moment(info["closeTime"]) if info.get("closeTime") else None,
            place=Place(position["topic"], position["partition"], position["offset"]) if position else None,
            written_at=_moment(position["written_at"]) if position.get("written_at") else None,
            pending=tuple(_pending(each) for each in answer.get("pendingActivities", [])),
            step=self._step(path) if status == _RUNNING else None,
            event=self._event(path) if with_event else None,
            failure=self._failure(path) if status not in {_RUNNING, "COMPLETED", "CONTINUED_AS_NEW"} else None,
        )

    def _step(self, path: str) -> str | None:
        """Return what a workflow says that it is at; None where no worker answers for it in time."""
        try:
            answer = self._client.post(f"{path}/query/{_QUERY}", json={}, timeout=_QUERY_SECONDS)
            result = answer.json().get("queryResult") if answer.is_success else None
        except (httpx.HTTPError, ValueError):
            return None
        payloads = result.get("payloads", []) if isinstance(result, dict) else result or []
        state = _value(next(iter(payloads), None))
        return str(state["step"]) if isinstance(state, dict) and "step" in state else None

    def _event(self, path: str) -> Row | None:
        """Return what the workflow was started with."""
        found = self._first(path, {"maximumPageSize": 1})
        payloads = found.get("workflowExecutionStartedEventAttributes", {}).get("input", [])
        # The frontend writes JSON payloads plainly, unless it is told not to.
        event = _value(next(iter(payloads.get("payloads", []) if isinstance(payloads, dict) else payloads), None))
        if not isinstance(event, dict):
            return None
        times = {name: _moment(text) for name, text in event.items() if name.endswith("_at") and text}
        return event | times

    def _failure(self, path: str) -> str | None:
        """Return why the workflow ended without success, in words."""
        found = self._first(path, {"historyEventFilterType": "HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT"})
        failure = found.get("workflowExecutionFailedEventAttributes", {}).get("failure", {})
        told = failure.get("message") or found.get("workflowExecutionTerminatedEventAttributes", {}).get("reason")
        return None if told is None else str(told)

    def _first(self, path: str, parameters: Mapping[str, str | int]) -> Mapping[str, Any]:
        answer = self._ask(f"{path}/history", parameters) or {}
        return next(iter(answer.get("history", {}).get("events", [])), {})

    def _ask(self, path: str, parameters: Mapping[str, str | int] | None = None) -> Mapping[str, Any] | None:
        try:
            answer = self._client.get(path, params=parameters)
        except httpx.HTTPError as error:
            why = tls_refusal(error, TEMPORAL_TLS)
            raise UnavailableError(
                f"Temporal at {self._client.base_url.host}:{self._client.base_url.port} does not answer"
                f"{f': {why}' if why else ''}"
            ) from error
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise UnavailableError(f"Temporal refuses this program ({answer.status_code}): look at TEMPORAL_API_KEY")
        if answer.is_error:
            raise UnavailableError(f"Temporal answers {answer.status_code}")
        return object_of(_WHO, answer, UnavailableError)


def _value(payload: Any) -> Any:
    """Return the content of a payload: it comes plainly, or as the bytes of its encoding."""
    if isinstance(payload, dict) and payload.keys() == {"metadata", "data"}:
        return json.loads(base64.b64decode(payload["data"]))
    return payload


def _moment(text: str) -> datetime:
    # Nanoseconds, of which Python's times hold the microseconds.
    return datetime.fromisoformat(text)


def _pending(activity: Mapping[str, Any]) -> str:
    name = activity.get("activityType", {}).get("name", "an activity")
    words = f"{name}, attempt {activity.get('attempt', 1)}"
    failure = activity.get("lastFailure", {}).get("message")
    return f"{words}, last failure: {failure}" if failure else words
