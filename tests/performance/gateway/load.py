"""Sends webhooks as fast as it can, or at a rate, from a process of its own.

Reads a `Task` as JSON from standard input and prints a `Measurement`. It does as little as possible for each request,
since it shares the machine with what it measures: requests are written whole, signed anew at the start.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import random
import sys
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import uvloop
from payments_contracts.providers import PROVIDERS
from pydantic import SecretStr
from simulator.signing import Signer

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"
_STATUS = slice(9, 12)
_LEAST_SLEEP_SECONDS = 0.001


@dataclass(frozen=True)
class Task:
    """What to do: connections are spread over the ports, `rate` is requests a second, 0 for as many as they carry.

    Bodies are the lines of a file.
    """

    ports: list[int]
    seconds: float
    connections: int
    rate: float
    provider: str
    secret: str
    bodies: str


@dataclass(frozen=True)
class Measurement:
    """What came out. Latencies are in milliseconds; at a rate they count from when a request was due."""

    requests_per_second: float
    p50: float
    p99: float
    statuses: dict[str, int]


class Connection(asyncio.Protocol):
    """One request after the other. Answers are read as far as their end."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._received = b""
        self.due = 0.0
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head_end = self._received.find(_END_OF_HEAD)
        if head_end < 0:
            return
        head = self._received[:head_end].lower()
        at = head.find(_LENGTH) + len(_LENGTH)
        length = int(head[at : at + 12].split(b"\r", 1)[0])
        if len(self._received) >= head_end + len(_END_OF_HEAD) + length:
            status = self._received[_STATUS]
            self._received = b""
            self._load.note(self, status)

    def connection_lost(self, error: Exception | None) -> None:
        self._load.note_lost()


class Load:
    """All connections, and what they measured."""

    def __init__(self, task: Task, requests: list[bytes]) -> None:
        self._task = task
        self._requests = requests
        self._sent = 0
        self._latencies: list[float] = []
        self._statuses: Counter[str] = Counter()
        self._free: list[Connection] = []
        # When requests were due that found no free connection.
        self._late: deque[float] = deque()
        self._is_over = False

    async def run(self) -> Measurement:
        loop = asyncio.get_running_loop()
        for _, port in zip(range(self._task.connections), itertools.cycle(self._task.ports), strict=False):
            _, connection = await loop.create_connection(lambda: Connection(self), "127.0.0.1", port)
            self._free.append(connection)
        began = time.perf_counter()
        if self._task.rate:
            await self._send_at_rate(began)
        else:
            for connection in [self._free.pop() for _ in range(len(self._free))]:
                self._send(connection, time.perf_counter())
            await asyncio.sleep(self._task.seconds)
        self._is_over = True
        elapsed = time.perf_counter() - began
        ordered = sorted(self._latencies)
        return Measurement(
            len(ordered) / elapsed, _quantile(ordered, 0.5), _quantile(ordered, 0.99), dict(self._statuses)
        )

    async def _send_at_rate(self, began: float) -> None:
        # Requests come as independent senders make them come, and none waits for the answer to another.
        dice = random.Random(1)  # noqa: S311 - not for secrets
        due = began
        while (now := time.perf_counter()) < began + self._task.seconds:
            while due <= now:
                if self._free:
                    self._send(self._free.pop(), due)
                else:
                    self._late.append(due)
                due += dice.expovariate(self._task.rate)
            # Whoever sleeps for less does not sleep at all, and takes a core from what is measured.
            await asyncio.sleep(max(_LEAST_SLEEP_SECONDS, due - time.perf_counter()))

    def _send(self, connection: Connection, due: float) -> None:
        connection.due = due
        connection.transport.write(self._requests[self._sent % len(self._requests)])
        self._sent += 1

    def note(self, connection: Connection, status: bytes) -> None:
        if self._is_over:
            return
        now = time.perf_counter()
        self._latencies.append(now - connection.due)
        self._statuses[status.decode()] += 1
        if not self._task.rate:
            self._send(connection, now)
        elif self._late:
            self._send(connection, self._late.popleft())
        else:
            self._free.append(connection)

    def note_lost(self) -> None:
        if not self._is_over:
            self._statuses["connection lost"] += 1


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else float("nan")


def _request(provider: str, signer: Signer, body: bytes) -> bytes:
    signature = signer.sign(body, int(time.time()))
    # As Stripe sends it.
    head = (
        f"POST /webhooks/{provider} HTTP/1.1\r\n"
        "Host: payments.example\r\n"
        "User-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\n"
        "Accept: */*; q=0.5, application/xml\r\n"
        "Content-Type: application/json; charset=utf-8\r\n"
        "Cache-Control: no-cache\r\n"
        f"{PROVIDERS[provider].signature.header}: {signature}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def main() -> None:
    task = Task(**json.load(sys.stdin))
    signer = Signer(PROVIDERS[task.provider].signature, SecretStr(task.secret), "")
    bodies = Path(task.bodies).read_bytes().splitlines()
    load = Load(task, [_request(task.provider, signer, body) for body in bodies])
    gc.disable()
    json.dump(asdict(uvloop.run(load.run())), sys.stdout)


if __name__ == "__main__":
    main()
