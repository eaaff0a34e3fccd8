"""Sends signed webhooks at an even rate, from a process of its own: `python -m tests.performance.chain.sender`.

Reads a `Task` as JSON from standard input, says on standard output every second how far it is, and in the end what
came out: JSON lines both. A late answer does not hold the next webhook up. It does as little as possible for each,
since it shares the machine with what is measured.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import os
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import uvloop
from payments_contracts.providers import PROVIDERS
from pydantic import SecretStr
from simulator.signing import Signer

if TYPE_CHECKING:
    from collections.abc import Sequence

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"
_STATUS = slice(9, 12)
_SECONDS_BETWEEN_NOTES = 1.0
_SECONDS_FOR_ANSWERS = 60.0
# Whoever sleeps for less does not sleep at all, and takes a core from what is measured.
_LEAST_SLEEP_SECONDS = 0.001
NO_ANSWER = 0


@dataclass(frozen=True)
class Endpoint:
    """A gateway, and the file with what is sent to it: a body in base64 on each line."""

    provider: str
    url: str
    notification_url: str
    secret: str = field(repr=False)
    bodies: str


@dataclass(frozen=True)
class Task:
    """What to send: the endpoints take turns, `rate` is webhooks a second of all together."""

    endpoints: list[Endpoint]
    count: int
    rate: float
    connections: int


@dataclass
class Outcome:
    """What came out, webhook by webhook in the order of sending.

    `statuses` has 0 where no answer came. `latencies` are in seconds, from when a webhook was due; `late` is the
    longest that one was written after it was due. `cpu_seconds` is what the sender used itself while it sent.
    """

    began_at: float
    statuses: list[int]
    latencies: list[float]
    late: float = 0.0
    cpu_seconds: float = 0.0

    def accepted(self, event_ids: Sequence[str]) -> list[str]:
        """Return those events, given in the order of sending, that were answered with 200."""
        return [event for event, status in zip(event_ids, self.statuses, strict=True) if status == HTTPStatus.OK]


class _Connection(asyncio.Protocol):
    """One request after the other."""

    def __init__(self, lane: _Lane) -> None:
        self._lane = lane
        self._received = b""
        self.number: int | None = None
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
            status = int(self._received[_STATUS])
            self._received = b""
            self._lane.answered(self, status)

    def connection_lost(self, error: Exception | None) -> None:
        self._lane.lost(self)


class _Lane:
    """The connections to one endpoint."""

    def __init__(self, endpoint: Endpoint, connections: int, lanes: int, load: _Load) -> None:
        contract = PROVIDERS[endpoint.provider].signature
        self._signer = Signer(contract, SecretStr(endpoint.secret), endpoint.notification_url)
        address = urlsplit(endpoint.url)
        self._host, self._port = address.hostname or "127.0.0.1", address.port or 80
        self._head = (
            f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nUser-Agent: payments-bench/1\r\n"
            f"Content-Type: application/json\r\n{contract.header}: "
        ).encode()
        self._bodies = Path(endpoint.bodies).read_bytes().splitlines()
        self._lanes = lanes
        self._load = load
        self._most = connections
        self._open = 0
        # The one that has rested longest comes next, so that none is closed for idleness.
        self._free: deque[_Connection] = deque()
        self._waiting: deque[int] = deque()

    async def open(self) -> None:
        self._open += 1
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(lambda: _Connection(self), self._host, self._port)
        except OSError:
            self._open -= 1
            if self._waiting:
                self._load.note(self._waiting.popleft(), NO_ANSWER)
            return
        self._take(connection)

    def send(self, number: int) -> None:
        self._waiting.append(number)
        if self._free:
            self._take(self._free.popleft())
        elif self._open < self._most:
            self._load.spawn(self.open())

    def _take(self, connection: _Connection) -> None:
        if not self._waiting:
            self._free.append(connection)
            return
        connection.number = number = self._waiting.popleft()
        body = base64.b64decode(self._bodies[number // self._lanes])
        signature = self._signer.sign(body, int(time.time()))
        connection.transport.write(
            b"%b%b\r\nContent-Length: %d\r\n\r\n%b" % (self._head, signature.encode(), len(body), body)
        )
        self._load.note_written(number)

    def answered(self, connection: _Connection, status: int) -> None:
        number, connection.number = connection.number, None
        assert number is not None
        self._load.note(number, status)
        self._take(connection)

    def lost(self, connection: _Connection) -> None:
        self._open -= 1
        if connection.number is None:
            self._free.remove(connection)
        else:
            self._load.note(connection.number, NO_ANSWER)
        if self._waiting:
            self._load.spawn(self.open())


class _Load:
    def __init__(self, task: Task) -> None:
        self._task = task
        self._lanes = [_Lane(each, task.connections, len(task.endpoints), self) for each in task.endpoints]
        self._due = [0.0] * task.count
        self._outcome = Outcome(0.0, [-1] * task.count, [0.0] * task.count)
        self._sent = self._answered = 0
        self._complete = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> Outcome:
        for lane in self._lanes:
            for _ in range(self._task.connections):
                await lane.open()
        used = time.process_time()
        began = time.perf_counter()
        self._outcome.began_at = time.time()
        self.spawn(self._tell())
        for number in range(self._task.count):
            due = self._due[number] = began + number / self._task.rate
            while (ahead := due - time.perf_counter()) > 0:  # noqa: ASYNC110  # time is what is waited for
                await asyncio.sleep(max(_LEAST_SLEEP_SECONDS, ahead))
            self._sent += 1
            self._lanes[number % len(self._lanes)].send(number)
        try:
            await asyncio.wait_for(self._complete.wait(), _SECONDS_FOR_ANSWERS)
        except TimeoutError:
            self._outcome.statuses = [max(status, NO_ANSWER) for status in self._outcome.statuses]
        self._outcome.cpu_seconds = time.process_time() - used
        return self._outcome

    def spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def note_written(self, number: int) -> None:
        self._outcome.late = max(self._outcome.late, time.perf_counter() - self._due[number])

    def note(self, number: int, status: int) -> None:
        self._outcome.statuses[number] = status
        self._outcome.latencies[number] = time.perf_counter() - self._due[number]
        self._answered += 1
        if self._answered == self._task.count:
            self._complete.set()

    async def _tell(self) -> None:
        while True:
            try:
                _print({"sent": self._sent, "answered": self._answered})
            except BrokenPipeError:
                # Whoever asked for it has ended, and nobody else would stop it.
                os._exit(1)
            await asyncio.sleep(_SECONDS_BETWEEN_NOTES)


def _print(content: object) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


def main() -> None:
    content = json.load(sys.stdin)
    endpoints = [Endpoint(**each) for each in content.pop("endpoints")]
    load = _Load(Task(endpoints=endpoints, **content))
    gc.disable()
    _print({"outcome": asdict(uvloop.run(load.run()))})


if __name__ == "__main__":
    main()
