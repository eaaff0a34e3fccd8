"""Sends webhooks at a set rate, as a provider does: what is answered with 503 is sent again, signed anew."""

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from time import perf_counter

import httpx
import stamina
from kit.clock import Clock

from simulator.forgery import Sign
from simulator.webhooks import Webhook


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one webhook. `status` is 0 where no answer came; `seconds` is the last try's time."""

    status: int
    event_id: str | None
    reason_code: str | None
    sent_at: datetime
    seconds: float
    tries: int

    def contradiction(self, webhook: Webhook) -> str | None:
        """Return in what the answer differs from what it has to be, None where it does not."""
        if self.status != webhook.status:
            return f"status {self.status or 'none'} instead of {webhook.status.value}"
        if self.reason_code != webhook.answer_reason_code:
            return f"reason {self.reason_code} instead of {webhook.answer_reason_code}"
        if webhook.status != HTTPStatus.UNAUTHORIZED and self.event_id != webhook.event_id:
            return f"event_id {self.event_id} instead of {webhook.event_id}"
        return None


OnAnswer = Callable[[Webhook, Answer], None]
"""Takes in the answer to a webhook, as soon as it is there."""


class _UnavailableError(Exception):
    """The gateway asks to send again later."""

    def __init__(self, retry_after_seconds: float | None) -> None:
        super().__init__("503")
        self.retry_after_seconds = retry_after_seconds


class Delivery:
    """Sends webhooks to one endpoint.

    Args:
        client: Where the connections are.
        url: The endpoint.
        clock: Gives the time that is signed.
        patience_seconds: How long one webhook is sent again while there is no answer but 503.
    """

    def __init__(self, client: httpx.AsyncClient, url: str, clock: Clock, patience_seconds: float) -> None:
        self._client = client
        self._url = url
        self._clock = clock
        self._patience_seconds = patience_seconds

    async def send_all(
        self,
        webhooks: Iterable[Webhook],
        rate: float | None,
        concurrency: int,
        on_answer: OnAnswer,
        stop: asyncio.Event,
    ) -> None:
        """Send webhooks at `rate` per second (None: as fast as answers come), with at most `concurrency` under way.

        Once `stop` is set no more are sent, and those under way are waited for.
        """
        loop = asyncio.get_running_loop()
        slots = asyncio.Semaphore(concurrency)

        async def send(webhook: Webhook) -> None:
            try:
                on_answer(webhook, await self.send(webhook.body, webhook.headers, webhook.sign))
            finally:
                slots.release()

        began = loop.time()
        async with asyncio.TaskGroup() as group:
            for n, webhook in enumerate(webhooks):
                if rate is not None:
                    await asyncio.sleep(began + n / rate - loop.time())
                await slots.acquire()
                if stop.is_set():
                    break
                group.create_task(send(webhook))

    async def send(self, body: bytes, headers: Mapping[str, str], sign: Sign) -> Answer:
        """Send one body until it is answered by anything but 503, or patience ends."""
        sent_at = self._clock()
        tries = 0
        began = perf_counter()
        status = 0
        try:
            async for attempt in stamina.retry_context(
                on=_backoff, attempts=None, timeout=self._patience_seconds, wait_initial=0.2, wait_max=5.0
            ):
                with attempt:
                    tries += 1
                    began = perf_counter()
                    status = 0
                    response = await self._post(body, headers, sign)
                    status = response.status_code
                    if status == HTTPStatus.SERVICE_UNAVAILABLE:
                        raise _UnavailableError(_seconds(response.headers.get("Retry-After")))  # noqa: TRY301  # for stamina
        except (_UnavailableError, httpx.TransportError):
            return Answer(status, None, None, sent_at, perf_counter() - began, tries)
        seconds = perf_counter() - began
        content = _content(response)
        return Answer(status, content.get("event_id"), content.get("reason_code"), sent_at, seconds, tries)

    async def _post(self, body: bytes, headers: Mapping[str, str], sign: Sign) -> httpx.Response:
        signed = sign(body, int(self._clock().timestamp()), headers)
        sent = {"content-type": "application/json", "user-agent": "payments-simulator/1", **signed.headers}
        return await self._client.post(self._url, content=signed.body, headers=sent)


def _backoff(error: Exception) -> bool | float:
    if isinstance(error, _UnavailableError):
        return True if error.retry_after_seconds is None else error.retry_after_seconds
    return isinstance(error, httpx.TransportError)


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdecimal() else None


def _content(response: httpx.Response) -> dict[str, str]:
    try:
        content = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        return {}
    return content if isinstance(content, dict) else {}
