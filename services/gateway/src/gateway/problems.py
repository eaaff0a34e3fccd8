"""Answers to requests that are refused, as RFC 9457 has them."""

from http import HTTPStatus

import orjson

from gateway.answers import Answer, Header

MEDIA_TYPE = "application/problem+json"


def problem(
    status: HTTPStatus,
    reason_code: str | None,
    detail: str,
    *,
    event_id: str | None = None,
    retry_after_seconds: int | None = None,
) -> Answer:
    """Make an answer.

    A defect of the gateway has no reason's code, nor has what is not HTTP: neither is in the contract. `event_id` names
    the dead-letter record, where one was written.
    """
    content: dict[str, object] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
    }
    if reason_code is not None:
        content["reason_code"] = reason_code
    if event_id is not None:
        content["event_id"] = event_id
    body = orjson.dumps(content)
    headers: tuple[Header, ...] = ((b"content-type", MEDIA_TYPE.encode()), (b"content-length", b"%d" % len(body)))
    if retry_after_seconds is not None:
        headers = (*headers, (b"retry-after", b"%d" % retry_after_seconds))
    return Answer(status.value, headers, body)
