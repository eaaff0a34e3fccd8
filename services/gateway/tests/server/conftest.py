"""The server on a real socket, with its own event loop in a thread of its own, and an app that does as it is told.

Everything is tried twice: with an ASGI application, and with endpoints that do the same without ASGI.
"""

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import pytest
import uvloop
from gateway.answers import Answer as Reply
from gateway.answers import Header, Respond
from gateway.exchange import Endpoint
from gateway.limits import Limits
from gateway.server import Server, build_server
from starlette.types import Receive, Scope, Send

# Long enough to fail only where nothing comes at all.
PATIENCE_SECONDS = 30
# What /small takes where it is a short way.
SMALL = 1000
LIMITS = Limits(header_bytes=8192, request_seconds=0.3, idle_seconds=10 * PATIENCE_SECONDS)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)


class Client:
    """A connection that sends whatever bytes it is given."""

    def __init__(self, port: int, receive_bytes: int | None = None) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(PATIENCE_SECONDS)
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.connect(("127.0.0.1", port))
        # Every piece goes at once, as a piece.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.socket.sendall(piece)

    def receive_at_once(self, size: int) -> None:
        """Let as many bytes come as this before they are read."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)

    def answer(self, *, to: str = "POST") -> Answer:
        """Read one answer, to a request of a method."""
        status = int(self._file.readline().split()[1])
        headers: dict[str, str] = {}
        while line := self._file.readline().strip().decode():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = 0 if to == "HEAD" or status < 200 else int(headers["content-length"])
        return Answer(status, headers, self._file.read(length))

    def has_ended(self) -> bool:
        """Wait for the connection's end; tell whether nothing more came before it."""
        try:
            return self._file.read() == b""
        except ConnectionResetError:
            return True

    def abort(self) -> None:
        """Break the connection without a word."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.close()


@dataclass
class Record:
    """What happened at the server: what its app was given, and which requests did not get that far."""

    requests: list[tuple[str, bytes]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    disconnects: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def refuse(self, reason: str) -> None:
        with self.changed:
            self.refusals.append(reason)
            self.changed.notify_all()

    def disconnect(self) -> None:
        with self.changed:
            self.disconnects += 1
            self.changed.notify_all()

    def take(self, path: str, body: bytes) -> None:
        with self.changed:
            self.requests.append((path, body))
            self.changed.notify_all()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so."""
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE_SECONDS)


class App:
    """Answers with what came; /deaf does so without reading the body, /held once it is released."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.released = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        body = b"" if scope["path"] == "/deaf" else await self._read(receive)
        if body is None:
            self.record.disconnect()
            return
        answer = self.answer(scope["path"], scope["headers"], body)
        if scope["path"] == "/held":
            await self.released.wait()
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})

    def answer(self, path: str, headers: Iterable[Header], body: bytes) -> Reply:
        self.record.take(path, body)
        names = [name.decode() for name, _ in headers]
        content = json.dumps({"path": path, "length": len(body), "headers": names}).encode()
        return Reply(200, ((b"content-length", b"%d" % len(content)),), content)

    async def _live(self, receive: Receive, send: Send) -> None:
        for event in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{event}.complete"})

    async def _read(self, receive: Receive) -> bytes | None:
        body: bytes = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message["body"]
            if not message["more_body"]:
                return body


class ShortWay:
    """Does at one path what the app does."""

    def __init__(self, app: App, path: str) -> None:
        self._app = app
        self._path = path
        self.max_body_bytes = SMALL if path == "/small" else 2**40
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, headers: Sequence[Header], respond: Respond) -> tuple[Sequence[Header], Respond] | None:
        if self._path != "/deaf":
            return headers, respond
        respond(self._app.answer(self._path, headers, b""))
        return None

    def complete(self, work: tuple[Sequence[Header], Respond], body: bytes) -> None:
        headers, respond = work
        answer = self._app.answer(self._path, headers, body)
        if self._path != "/held":
            respond(answer)
            return

        async def hold() -> None:
            await self._app.released.wait()
            respond(answer)

        task = asyncio.get_running_loop().create_task(hold())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def refuse_large(self, work: tuple[Sequence[Header], Respond]) -> None:
        _, respond = work
        respond(Reply(413, ((b"content-length", b"0"),), b""))

    def abandon(self, _work: object, reason_code: str) -> None:
        if reason_code != "disconnected":
            self._app.record.refuse(reason_code)
        self._app.record.disconnect()


class ShortWays(dict[bytes, Endpoint[Any]]):
    """Has a short way for every path."""

    def __init__(self, app: App) -> None:
        super().__init__()
        self._app = app

    def get(self, url: bytes, _default: object = None) -> ShortWay:
        return ShortWay(self._app, url.decode())


class Served(Record):
    """A running server."""

    def __init__(self, limits: Limits, *, short: bool) -> None:
        super().__init__()
        self._limits = limits
        self._short = short
        self._clients: list[Client] = []
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._started.wait(PATIENCE_SECONDS)

    def connect(self, receive_bytes: int | None = None) -> Client:
        self._clients.append(Client(self._port, receive_bytes))
        return self._clients[-1]

    @property
    def connections(self) -> list[Any]:
        """Return the protocols of all connections."""
        return list(self._server.server_state.connections)

    def release(self) -> None:
        """Have requests of /held answered."""
        self._loop.call_soon_threadsafe(self._app.released.set)

    def end_at_once(self) -> None:
        """Have requests of /held answered, and all connections ended in the same turn of the event loop."""

        def end() -> None:
            for connection in list(self._server.server_state.connections):
                connection.shutdown()

        def both() -> None:
            self._app.released.set()
            # Setting it has the answers given before this.
            self._loop.call_soon(end)

        self._loop.call_soon_threadsafe(both)

    def stop(self) -> None:
        """Tell the server to answer what is under way, and end."""
        self._server.should_exit = True

    def join(self) -> None:
        self._thread.join()
        for client in self._clients:
            client.close()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._app = App(self)
        self._server: Server = build_server(
            self._app,
            "127.0.0.1",
            0,
            endpoints=ShortWays(self._app) if self._short else {},
            limits=self._limits,
            drain_seconds=5,
            on_refusal=self.refuse,
        )
        serving = asyncio.create_task(self._server.serve())
        while not self._server.started:  # noqa: ASYNC110  # uvicorn has no signal for it
            await asyncio.sleep(0.01)
        self._port = self._server.servers[0].sockets[0].getsockname()[1]
        self._started.set()
        await serving


def request(path: str = "/", body: bytes = b"", *headers: bytes, method: bytes = b"POST") -> bytes:
    """Write a request as it goes over the wire."""
    lines = [b"%b %b HTTP/1.1" % (method, path.encode()), b"Host: gateway", *headers]
    if body or method == b"POST":
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])


@pytest.fixture(params=[False, True], ids=["asgi", "short"])
def serve(request: pytest.FixtureRequest) -> Iterator[Callable[[Limits], Served]]:
    """Start servers with limits of one's own."""
    log = logging.getLogger("uvicorn.error")
    level = log.level
    running: list[Served] = []

    def start(limits: Limits) -> Served:
        running.append(Served(limits, short=request.param))
        return running[-1]

    yield start
    for served in running:
        served.stop()
        served.release()
        served.join()
    # The server sets it for the whole program.
    log.setLevel(level)


@pytest.fixture
def served(serve: Callable[[Limits], Served]) -> Served:
    """A server that has little patience."""
    return serve(LIMITS)


@pytest.fixture
def patient(serve: Callable[[Limits], Served]) -> Served:
    """A server that waits for as long as a test may take."""
    return serve(LIMITS._replace(request_seconds=300))


@pytest.fixture
def small() -> int:
    return SMALL


@pytest.fixture
def limits() -> Limits:
    return LIMITS


@pytest.fixture
def write() -> Callable[..., bytes]:
    return request
