"""Delivers webhooks as Stripe does: whatever is not answered with 2xx is sent again, signed anew."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from simulator.webhooks import Webhook

_TIMEOUT_SECONDS = 10.0
_CONNECTIONS = 64
# Stripe waits for hours between tries.
_LEAST_WAIT_SECONDS, _MOST_WAIT_SECONDS = 0.5, 3.0
_UNAVAILABLE = 500


class Delivery:
    """Sends in a thread of its own; each webhook until it is acknowledged, refused for good, or given up.

    `acknowledged` says of each event when it was answered with 2xx, `tries` how often it was sent, `refused` with which
    status an event was refused for good.

    Args:
        addresses: The endpoint of each provider.
        patience_seconds: How long one webhook is sent again.
    """

    def __init__(self, addresses: dict[str, str], patience_seconds: float) -> None:
        self.acknowledged: dict[str, float] = {}
        self.tries: dict[str, int] = {}
        self.refused: dict[str, int] = {}
        self._addresses = addresses
        self._patience_seconds = patience_seconds
        self._dice = random.Random(1)  # noqa: S311 - not for secrets
        self._loop = asyncio.new_event_loop()
        self._client = httpx.AsyncClient(
            limits=httpx.Limits(max_connections=_CONNECTIONS), timeout=_TIMEOUT_SECONDS, trust_env=False
        )
        self._thread = threading.Thread(target=self._loop.run_forever, name="delivery", daemon=True)
        self._thread.start()

    def send(self, webhooks: Sequence[tuple[str, Webhook]], rate: float) -> Future[None]:
        """Begin to send webhooks, each with its provider, at a rate; the future is done when nothing is left to do."""
        return asyncio.run_coroutine_threadsafe(self._send_all(webhooks, rate), self._loop)

    def close(self) -> None:
        """Send nothing more."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _send_all(self, webhooks: Sequence[tuple[str, Webhook]], rate: float) -> None:
        began = self._loop.time()
        async with asyncio.TaskGroup() as group:
            for number, (provider, webhook) in enumerate(webhooks):
                await asyncio.sleep(began + number / rate - self._loop.time())
                group.create_task(self._send(provider, webhook))

    async def _send(self, provider: str, webhook: Webhook) -> None:
        deadline = self._loop.time() + self._patience_seconds
        wait = _LEAST_WAIT_SECONDS
        while self._loop.time() < deadline:
            event = webhook.event_id
            self.tries[event] = self.tries.get(event, 0) + 1
            status = await self._post(provider, webhook)
            if status is not None and status < _UNAVAILABLE:
                if httpx.codes.is_success(status):
                    self.acknowledged[event] = time.time()
                else:
                    self.refused[event] = status
                return
            await asyncio.sleep(wait * self._dice.uniform(0.5, 1.0))
            wait = min(wait * 2, _MOST_WAIT_SECONDS)

    async def _post(self, provider: str, webhook: Webhook) -> int | None:
        signed = webhook.sign(webhook.body, int(time.time()), webhook.headers)
        headers = {"Content-Type": "application/json", **signed.headers}
        try:
            answer = await self._client.post(self._addresses[provider], content=signed.body, headers=headers)
        except httpx.TransportError:
            return None
        return answer.status_code

    async def _close(self) -> None:
        own = asyncio.current_task()
        under_way = [task for task in asyncio.all_tasks() if task is not own]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await self._client.aclose()
