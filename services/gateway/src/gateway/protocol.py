"""HTTP/1.1 on one connection: uvicorn's protocol, with limits, and a way of its own for webhooks. See decision 16."""

import asyncio
import math
from collections import deque
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, parse_url
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.answers import Outbox, last
from gateway.errors import RequestReason
from gateway.exchange import Endpoint, Exchange
from gateway.flow import PIECE_BYTES, Flow
from gateway.limits import Limits, OnRefusal
from gateway.problems import problem

# An empty header with a name of one letter takes four bytes of the wire.
_MOST_BYTES_PER_BYTE = 4


class BoundedProtocol(HttpToolsProtocol):
    """Refuses what uvicorn would wait for, or keep, without end: large headers (431) and slow requests (408).

    While a request waits for its turn, or answers wait to be read, nothing more is read of a connection.

    Time is looked at once a second for all connections: a timer for each request would cost more than its refusal.
    """

    # Uvicorn's, or an exchange; None before the first request.
    cycle: Any
    # Requests that came before their turn, each with the app that answers it where it is not a webhook.
    pipeline: deque[tuple[Any, Any]]
    flow: Flow

    def __init__(
        self,
        *args: Any,
        endpoints: Mapping[bytes, Endpoint[Any]],
        limits: Limits,
        outbox: Outbox,
        on_refusal: OnRefusal,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._endpoints = endpoints
        # The one whose body is being received.
        self._exchange: Exchange[Any] | None = None
        self._limits = limits
        self._outbox = outbox
        self._on_refusal = on_refusal
        self._in_body = False
        self._wants_upgrade = False
        self._is_refused = False
        # What came since the parser last reported that something began or went on, and how often it did.
        self._unreported_bytes = 0
        self._reports = 0
        # What is parsed now, and with which piece its head began: most heads come in one piece that is small.
        self._pieces = 0
        self._piece_bytes = 0
        self._head_began_with = 0
        self._due: float | None = self.loop.time() + limits.request_seconds
        self._idle_until = math.inf
        self._unread_until = math.inf

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin."""
        super().connection_made(transport)
        self.flow = Flow(transport)

    def data_received(self, data: bytes) -> None:
        """Parse what came, as long as nothing waits for its turn: of requests one piece in a turn of the loop."""
        if self.flow.is_held():
            self.flow.unparsed += data
            return
        while len(data) > PIECE_BYTES:
            self._take_piece(data[:PIECE_BYTES])
            data = data[PIECE_BYTES:]
            if self.flow.is_held() or not self._in_body:
                # Answers to what is parsed are written before there are more, so that it shows who reads them.
                self.flow.hold()
                self.flow.unparsed = data
                self._go_on_soon()
                return
        self._take_piece(data)

    def _take_piece(self, data: bytes) -> None:
        """Parse a piece, and count what the parser keeps to itself."""
        if self._is_refused or self.transport.is_closing():
            return
        reports = self._reports
        self._pieces += 1
        self._piece_bytes = len(data)
        self._parse(data)
        if self._reports == reports:
            # A header, or a trailer, that never ends is not reported by the parser, which keeps it.
            self._unreported_bytes += len(data)
            if self._unreported_bytes > _MOST_BYTES_PER_BYTE * self._limits.header_bytes:
                self._refuse_large_head()

    def pause_writing(self) -> None:
        """Read nothing more of a client that does not read its answers."""
        super().pause_writing()
        self._unread_until = self.loop.time() + self._limits.idle_seconds
        self.flow.hold()

    def resume_writing(self) -> None:
        """Go on with a client that has read its answers."""
        super().resume_writing()
        self._unread_until = math.inf
        self._go_on_soon()

    def _go_on_soon(self) -> None:
        # Not at once: the parser may be at work, and answers may be given one within the other.
        if self.flow.is_held():
            self.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        if not self.flow.is_held() or self.flow.write_paused or self.pipeline or self.transport.is_closing():
            return
        self.flow.let_go()
        if rest := self.flow.unparsed:
            self.flow.unparsed = b""
            self.data_received(rest)

    def _parse(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
            except HttpParserUpgrade as upgrade:
                data = self._without_upgrade(data[upgrade.args[0] :])
            except HttpParserError:
                self.send_400_response("The request is not valid HTTP/1.1.")
                return
            else:
                return

    def _without_upgrade(self, rest: bytes) -> bytes:
        """Return a request for another protocol as one that has no such wish, which RFC 9110, 7.8 leaves to a server.

        The parser takes all that follows the head for the other protocol, so another one begins anew.
        """
        if not self._wants_upgrade:
            # It asked for a tunnel, which nobody makes; what follows is another request.
            return rest
        self._wants_upgrade = False
        head = b"".join(b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade")
        version = self.parser.get_http_version().encode()
        line = b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, version)
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return line + head + b"\r\n" + rest

    def on_message_begin(self) -> None:
        """Begin to count and to wait."""
        super().on_message_begin()
        self._reports += 1
        self._unreported_bytes = 0
        self._head_began_with = self._pieces
        self._idle_until = math.inf
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
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._wants_upgrade = True
            return
        if (endpoint := self._endpoint()) is not None:
            self._begin_exchange(endpoint)
        else:
            super().on_headers_complete()
            if self.pipeline:
                self.flow.hold()
        self._in_body = True
        # Trailers are not headers: what follows the body goes into a list that nobody reads.
        self.headers = []

    def _endpoint(self) -> Endpoint[Any] | None:
        """Return what answers the request, where it is a webhook; a slash behind its path is no other path."""
        if self.parser.get_method() != b"POST":
            return None
        if (endpoint := self._endpoints.get(self.url)) is not None:
            return endpoint
        path = unquote(parse_url(self.url).path or b"")
        return self._endpoints.get(path.removesuffix("/").encode())

    def _begin_exchange(self, endpoint: Endpoint[Any]) -> None:
        is_modern = self.parser.get_http_version() != "1.0"
        exchange = Exchange(
            endpoint,
            self.headers,
            self.transport,
            self._outbox,
            common=self.server_state.default_headers,
            on_response=self.on_response_complete,
            keep_alive=is_modern and self.parser.should_keep_alive(),
            awaits_continue=is_modern and self.expect_100_continue,
        )
        before, self.cycle = self.cycle, exchange
        self._exchange = exchange
        if before is None or before.response_complete:
            exchange.begin()
        else:
            self.flow.hold()
            self.pipeline.appendleft((exchange, None))

    def _begin_next(self, exchange: Exchange[Any]) -> None:
        if exchange is self._exchange:
            # Until now nothing was read, which is not the client's fault.
            self._due = self.loop.time() + self._limits.request_seconds
        if not self.transport.is_closing():
            exchange.begin()

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def on_response_complete(self) -> None:
        """Go on with the next request, or begin to be idle; without a timer, which uvicorn sets for each answer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            if isinstance(cycle, Exchange):
                self.loop.call_soon(self._begin_next, cycle)
            else:
                self._start_asgi_task(cycle, app)
        else:
            self._idle_until = self.loop.time() + self._limits.idle_seconds
        self._go_on_soon()

    def shutdown(self) -> None:
        """Let the connection end once what is under way is answered."""
        self._outbox.flush()
        super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits for the rest of a body that none will come."""
        if self._exchange is not None:
            self._exchange.abandon("disconnected")
            self._exchange = None
        if isinstance(self.cycle, Exchange):
            self.cycle = None
        self.pipeline.clear()
        self.flow.unparsed = b""
        super().connection_lost(exc)

    def on_body(self, body: bytes) -> None:
        """Hand a part of the body over."""
        self._reports += 1
        self._unreported_bytes = 0
        if self._is_refused:
            return
        if self._exchange is None:
            super().on_body(body)
        else:
            self._exchange.take(body)

    def on_message_complete(self) -> None:
        """Stop waiting."""
        self._reports += 1
        if self._wants_upgrade:
            return
        self._in_body = False
        self._due = None
        if self._is_refused:
            return
        if (exchange := self._exchange) is None:
            super().on_message_complete()
        else:
            self._exchange = None
            exchange.complete()

    def expire(self, now: float) -> None:
        """Refuse the request that is being received, or end an idle connection, if its time is over at `now`.

        That is on the loop's clock. While an earlier request on the connection waits for its answer nothing is read,
        which is not the client's fault.
        """
        if now >= self._unread_until:
            # To end in good order would be to wait until they are read.
            self.transport.abort()
        if self._due is None and now >= self._idle_until:
            self.transport.close()
        if self._due is None or now < self._due or self._earlier_is_under_way():
            return
        seconds = self._limits.request_seconds
        detail = f"The request did not arrive whole within {seconds:g} seconds; send it again."
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, "request_timeout", detail)

    def _earlier_is_under_way(self) -> bool:
        """Tell whether a request before the one that is being received is not answered yet."""
        if self._in_body:
            return bool(self.pipeline)
        return self.cycle is not None and not self.cycle.response_complete

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP, in the form of all refusals, and end the connection."""
        self._outbox.flush()
        self.transport.write(last(problem(HTTPStatus.BAD_REQUEST, None, msg)))
        self.transport.close()

    def _refuse_large_head(self) -> None:
        detail = f"The headers are longer than {self._limits.header_bytes} bytes; send fewer or shorter ones."
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", detail)

    def _refuse(self, status: HTTPStatus, reason_code: RequestReason, detail: str) -> None:
        if self._is_refused:
            return
        self._is_refused = True
        self._due = None
        self._outbox.flush()
        # An answer that has begun, or one to an earlier request on the connection, cannot be overtaken.
        if not self._earlier_is_under_way() and not self._answer_has_begun():
            self.transport.write(last(problem(status, reason_code, detail)))
        exchange, self._exchange = self._exchange, None
        if exchange is None or not exchange.abandon(reason_code):
            self._on_refusal(reason_code)
        if isinstance(self.cycle, RequestResponseCycle) and not self.cycle.response_complete:
            # Whoever waits for the body learns that none will come.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def _answer_has_begun(self) -> bool:
        """Tell whether the request that is being received has been answered before its end."""
        return self._in_body and bool(self.cycle.response_complete or self.cycle.response_started)
