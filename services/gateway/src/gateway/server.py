"""The HTTP server: uvicorn, with limits on what a client may send and how long it may take. See decision 16."""

import asyncio
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple

import uvicorn
from starlette.responses import Response
from starlette.types import ASGIApp
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway.problems import problem

_TICKS_BETWEEN_SWEEPS = 10
# An empty header with a name of one letter takes four bytes of the wire.
_MOST_BYTES_PER_BYTE = 4


class Limits(NamedTuple):
    """What a request may take.

    Args:
        header_bytes: The path, and names and values of all headers.
        request_seconds: From a request's first byte, or a connection's beginning, until all of it is there.
        idle_seconds: How long a connection without request stays open.
    """

    header_bytes: int = 32_768
    request_seconds: float = 15.0
    idle_seconds: int = 60


OnRefusal = Callable[[str], None]
"""Takes the reason code of a request that was refused before it became one."""


class Outbox:
    """Sends answers at the end of a turn of the event loop, all in a row.

    A write wakes the peer, which on the same host takes longer than the write. Where answers are due together, as
    Kafka's acknowledgements come, one wake-up serves them all.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[tuple[asyncio.Transport, bytes]] = []

    def add(self, transport: asyncio.Transport, answer: bytes) -> None:
        """Have an answer sent before anything else that is written to this transport from now on in another turn."""
        if not self._waiting:
            self._loop.call_soon(self.send)
        self._waiting.append((transport, answer))

    def send(self) -> None:
        """Send what waits now, before anything that ends a connection."""
        waiting, self._waiting = self._waiting, []
        for transport, answer in waiting:
            # Writing to who has left would raise, and keep the others in the same row from their answers.
            if not transport.is_closing():
                transport.write(answer)


class ConstantHeadCycle(RequestResponseCycle):
    """Sends an answer whose head is a constant of the program, a tuple, as it is, and head and body in one piece.

    Uvicorn looks at every header of every answer, and writes twice. It still does where headers come in a list.
    """

    outbox: Outbox
    constant: ASGISendEvent | None = None

    async def send(self, message: ASGISendEvent) -> None:
        """Take a part of the answer."""
        if message["type"] == "http.response.start" and isinstance(message.get("headers"), tuple):
            self.constant = message
        elif self.constant is None:
            await super().send(message)
        else:
            self._finish(self.constant, message)

    def _finish(self, start: Any, message: Any) -> None:
        if self.disconnected:
            return
        lines = [b"%b: %b\r\n" % header for header in (*self.default_headers, *start["headers"])]
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        answer = b"".join((STATUS_LINE[start["status"]], *lines, b"\r\n", message["body"]))
        self.response_started = self.response_complete = True
        self.message_event.set()
        if self.keep_alive:
            self.outbox.add(self.transport, answer)
        else:
            self.transport.write(answer)
            self.transport.close()
        self.on_response()


class BoundedProtocol(HttpToolsProtocol):
    """Refuses what uvicorn would wait for, or keep, without end: large headers (431) and slow requests (408).

    Time is looked at once a second for all connections: a timer for each request would cost more than its refusal.
    """

    def __init__(self, *args: Any, limits: Limits, outbox: Outbox, on_refusal: OnRefusal, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits = limits
        self._outbox = outbox
        self._on_refusal = on_refusal
        self._in_body = False
        self._is_refused = False
        # What came since the parser last reported that something began or went on, and how often it did.
        self._unreported_bytes = 0
        self._reports = 0
        # What is parsed now, and with which piece its head began: most heads come in one piece that is small.
        self._pieces = 0
        self._piece_bytes = 0
        self._head_began_with = 0
        self._due: float | None = self.loop.time() + limits.request_seconds

    def data_received(self, data: bytes) -> None:
        """Parse what came, and count what the parser keeps to itself."""
        if self._is_refused:
            return
        reports = self._reports
        self._pieces += 1
        self._piece_bytes = len(data)
        super().data_received(data)
        if self._reports == reports:
            # A header, or a trailer, that never ends is not reported by the parser, which keeps it.
            self._unreported_bytes += len(data)
            if self._unreported_bytes > _MOST_BYTES_PER_BYTE * self._limits.header_bytes:
                self._refuse_large_head()

    def on_message_begin(self) -> None:
        """Begin to count and to wait."""
        super().on_message_begin()
        self._reports += 1
        self._unreported_bytes = 0
        self._head_began_with = self._pieces
        if not self._is_refused:
            self._due = self.loop.time() + self._limits.request_seconds

    def on_headers_complete(self) -> None:
        """Hand the request over, unless its headers are too large."""
        self._reports += 1
        is_small = self._head_began_with == self._pieces and self._piece_bytes <= self._limits.header_bytes
        if not is_small and self._head_size() > self._limits.header_bytes:
            self._refuse_large_head()
        if self._is_refused:
            return
        super().on_headers_complete()
        self._in_body = True
        # Trailers are no headers: what follows the body goes into a list that nobody reads.
        self.headers = []

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        # Uvicorn names the class of its cycles itself.
        cycle.__class__ = ConstantHeadCycle
        cycle.outbox = self._outbox  # type: ignore[attr-defined]  # it is one by now
        super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        """Hand a part of the body over."""
        self._reports += 1
        self._unreported_bytes = 0
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop waiting."""
        self._reports += 1
        self._in_body = False
        self._due = None
        if not self._is_refused:
            super().on_message_complete()

    def expire(self, now: float) -> None:
        """Refuse the request that is being received, if its time is over at `now` on the loop's clock.

        While an earlier one on the connection waits for its answer nothing is read, which is not the client's fault.
        """
        if self._due is None or now < self._due or self._earlier_is_under_way():
            return
        seconds = self._limits.request_seconds
        detail = f"The request did not arrive whole within {seconds:g} seconds; send it again."
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, "request_timeout", detail)

    def shutdown(self) -> None:
        """End the connection once it has no request under way."""
        self._outbox.send()
        super().shutdown()

    def _earlier_is_under_way(self) -> bool:
        """Tell whether a request before the one that is being received is not answered yet."""
        if self._in_body:
            return bool(self.pipeline)
        # None before the first request, whatever its type says.
        return bool(self.cycle) and not self.cycle.response_complete

    def _refuse_large_head(self) -> None:
        detail = f"The headers are longer than {self._limits.header_bytes} bytes; send fewer or shorter ones."
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", detail)

    def _refuse(self, status: HTTPStatus, reason_code: str, detail: str) -> None:
        if self._is_refused:
            return
        self._is_refused = True
        self._due = None
        self._on_refusal(reason_code)
        self._outbox.send()
        # An answer that has begun, or one to an earlier request on the connection, cannot be overtaken.
        if not self._earlier_is_under_way() and not (self._in_body and self.cycle.response_started):
            self.transport.write(_message(problem(status, reason_code, detail)))
        if bool(self.cycle) and not self.cycle.response_complete:
            # Whoever waits for the body learns that none will come.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()


class Server(uvicorn.Server):
    """Uvicorn's server, which looks after slow clients once a second."""

    async def on_tick(self, counter: int) -> bool:
        """Do what is to be done ten times a second."""
        if counter % _TICKS_BETWEEN_SWEEPS == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, BoundedProtocol):
                    connection.expire(now)
        return await super().on_tick(counter)


def build_server(
    app: ASGIApp, host: str, port: int, *, limits: Limits, drain_seconds: int, on_refusal: OnRefusal
) -> Server:
    """Return a server that is not started yet.

    Args:
        app: What answers.
        host: Where to listen.
        port: Where to listen.
        limits: What a request may take.
        drain_seconds: How long requests under way may take once the server is told to stop.
        on_refusal: Told of each request that did not get as far as the app.
    """
    outbox = Outbox(asyncio.get_running_loop())
    protocol = partial(BoundedProtocol, limits=limits, outbox=outbox, on_refusal=on_refusal)
    return Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=protocol,  # type: ignore[arg-type]  # uvicorn calls it, no more
            ws="none",
            lifespan="on",
            log_config=None,
            # Whoever sends what is no HTTP would be given a line in the log for each.
            log_level="error",
            access_log=False,
            server_header=False,
            # Nothing here depends on the client's address.
            proxy_headers=False,
            timeout_keep_alive=limits.idle_seconds,
            timeout_graceful_shutdown=drain_seconds,
        )
    )


def _message(response: Response) -> bytes:
    """Return an answer as it goes over the wire, with the connection's end."""
    status = HTTPStatus(response.status_code)
    head = b"".join(b"%b: %b\r\n" % header for header in response.raw_headers)
    return b"HTTP/1.1 %d %b\r\n%bconnection: close\r\n\r\n%b" % (
        status,
        status.phrase.encode(),
        head,
        bytes(response.body),
    )
