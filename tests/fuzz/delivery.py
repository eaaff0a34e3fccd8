"""Sends bodies, many at a time, and hands on what is answered."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from simulator.forgery import Forgery

    from tests.fuzz.body import Body

_SECONDS_TO_ANSWER = 60
_CHUNK = 16_384
# Never used: httpx makes one for each client from all the machine's certificates, which takes long.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
# So many in a row without an answer mean that nobody is there any more.
_UNANSWERED = 20


@dataclass(frozen=True, slots=True)
class Delivery:
    """A body, and how it is signed wrongly, if it is."""

    body: Body
    forgery: Forgery | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `status` is 0 where nothing did; then `content` says why."""

    status: int
    media_type: str
    content: bytes


async def send_all(
    url: str,
    deliveries: Iterator[Delivery],
    sign: Callable[[Delivery], Mapping[str, str]],
    note: Callable[[Delivery, Answer], None],
    concurrency: int,
) -> None:
    """Send deliveries until there are no more, or nobody answers any more."""
    unanswered = 0

    async def work() -> None:
        nonlocal unanswered
        # A client each: one with a pool for all looks through every connection for every request.
        async with httpx.AsyncClient(timeout=_SECONDS_TO_ANSWER, verify=_NO_TLS) as client:
            for delivery in deliveries:
                answer = await _post(client, url, delivery, sign(delivery))
                unanswered = 0 if answer.status else unanswered + 1
                note(delivery, answer)
                if unanswered >= _UNANSWERED:
                    return

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())


async def _post(client: httpx.AsyncClient, url: str, delivery: Delivery, signature: Mapping[str, str]) -> Answer:
    body = delivery.body
    content = _chunks(body.content) if body.is_chunked else body.content
    try:
        response = await client.post(url, content=content, headers={**body.headers, **signature})
    except httpx.TransportError as error:
        return Answer(0, "", repr(error).encode())
    media_type, _, _ = response.headers.get("Content-Type", "").partition(";")
    return Answer(response.status_code, media_type, response.content)


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _CHUNK):
        yield content[start : start + _CHUNK]
