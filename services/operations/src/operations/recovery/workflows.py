"""Workflows that ended without a row, by the HTTP API of Temporal's frontend.

https://docs.temporal.io/self-hosted-guide/temporal-frontend; visibility queries: https://docs.temporal.io/list-filter
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
from kit.answers import object_of, promised
from kit.connection import Http, endpoint_of, tls_refusal
from kit.settings.temporal import TEMPORAL_TLS

from operations.errors import DeploymentError, UnavailableError

ENDED: Mapping[str, str] = {
    "failed": "Failed",
    "terminated": "Terminated",
    "timed_out": "TimedOut",
    "canceled": "Canceled",
}
"""Ways in which a workflow ends without success, as Temporal's queries write them."""

_PAGE = 500
_TIMEOUT_SECONDS = 10.0
_EVENTS = 50


class Workflows:
    """Looks for the workflows of events, whose ids are those of the events, and starts ended ones again."""

    def __init__(self, http: Http, namespace: str, *, transport: httpx.BaseTransport | None = None) -> None:
        where = endpoint_of(http)
        self._client = httpx.Client(
            base_url=f"{where.url.rstrip('/')}/api/v1/namespaces/{quote(namespace, safe='')}",
            timeout=_TIMEOUT_SECONDS,
            transport=transport,
            **where.options(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def ended(
        self, states: Sequence[str], limit: int, since: datetime | None = None, until: datetime | None = None
    ) -> list[str]:
        """Return the events, without repetition, whose workflows ended in one of some ways, the newest first.

        Times are those at which the workflows ended. No more than `limit` are looked for. An event whose workflow has
        been started again since is among them too.

        Raises:
            KeyError: There is no such way.
            UnavailableError: Temporal does not answer.
            DeploymentError: It refuses the question.
        """
        among = ", ".join(f"'{ENDED[state]}'" for state in states)
        query = f"ExecutionStatus IN ({among})"
        for word, moment in ((">=", since), ("<", until)):
            if moment is not None:
                query += f" AND CloseTime {word} '{moment.isoformat()}'"
        found: dict[str, None] = {}
        for event_id in self._list(query):
            found.setdefault(event_id)
            if len(found) >= limit:
                break
        return list(found)

    def restart(self, event_id: str) -> str | None:
        """Let the workflow of an event run once more from its first step; return why not where that cannot be done.

        It is reset: what ran before stays in its history, and the new run takes nothing of its results.

        Raises:
            UnavailableError: Temporal does not answer.
            DeploymentError: It refuses, and not for what the workflow is.
        """
        path = f"/workflows/{quote(event_id, safe='')}"
        answer = self._ask("GET", f"{path}/history", params={"maximumPageSize": _EVENTS})
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return "Temporal knows no workflow of it any more"
        history = _content(answer)
        with promised("Temporal", answer, UnavailableError):
            events = history.get("history", {}).get("events", [])
            first = next(
                (each["eventId"] for each in events if each["eventType"] == "EVENT_TYPE_WORKFLOW_TASK_COMPLETED"), None
            )
        if first is None:
            return "its workflow has done nothing yet"
        body = {
            "workflowExecution": {"workflowId": event_id},
            "reason": "redriven by hand",
            "workflowTaskFinishEventId": first,
            "requestId": str(uuid.uuid4()),
        }
        _content(self._ask("POST", f"{path}/reset", json=body))
        return None

    def _list(self, query: str) -> Iterator[str]:
        token = ""
        while True:
            parameters: dict[str, str | int] = {"query": query, "pageSize": _PAGE}
            if token:
                parameters["nextPageToken"] = token
            page = _content(self._ask("GET", "/workflows", params=parameters))
            with promised("Temporal", failure=UnavailableError):
                found = [str(each["execution"]["workflowId"]) for each in page.get("executions", [])]
            yield from found
            token = page.get("nextPageToken", "")
            if not token:
                return

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            answer = self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            why = tls_refusal(error, TEMPORAL_TLS) or type(error).__name__
            raise UnavailableError(
                f"Temporal at {self._client.base_url} does not answer ({why}). See `make status`."
            ) from error
        if answer.is_server_error:
            raise UnavailableError(f"Temporal at {self._client.base_url} answers {answer.status_code}. Try again.")
        return answer


def _content(answer: httpx.Response) -> Mapping[str, Any]:
    if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise DeploymentError(f"Temporal refuses this program ({answer.status_code}): look at TEMPORAL_API_KEY.")
    if answer.is_error:
        raise DeploymentError(f"Temporal refuses {answer.request.url.path}: {answer.status_code} {answer.text[:300]}")
    return object_of("Temporal", answer, UnavailableError)
