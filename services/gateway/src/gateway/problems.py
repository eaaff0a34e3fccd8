"""Answers to requests that are refused, as RFC 9457 has them."""

from http import HTTPStatus

import orjson
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


def problem(
    status: HTTPStatus,
    reason_code: str,
    detail: str,
    *,
    event_id: str | None = None,
    retry_after_seconds: int | None = None,
) -> Response:
    """Make an answer. `event_id` names the dead-letter record, where one was written."""
    content: dict[str, object] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "reason_code": reason_code,
    }
    if event_id is not None:
        content["event_id"] = event_id
    headers = {} if retry_after_seconds is None else {"Retry-After": str(retry_after_seconds)}
    return Response(orjson.dumps(content), status.value, headers, MEDIA_TYPE)
