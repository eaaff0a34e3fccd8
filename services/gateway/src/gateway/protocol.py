"""HTTP/1.1 on one connection: uvicorn's protocol, with limits, and a short way for some requests. See decision 16."""

import math
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway.answers import Answer, Outbox
from gateway.exchange import Endpoint, Exchange
from gateway.problems import problem

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


class BoundedProtocol(HttpToolsProtocol):
    """Refuses what uvicorn would wait for, or keep, without end: large headers (431) and slow requests (408).

    Time is looked at once a second for all connections: a timer for each request would cost more than its refusal.
    """

    # Uvicorn's, or an exchange; None before the first request.
    cycle: Any

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

    def data_received(self, data: bytes) -> None:
        """Parse what came, and count what the parser keeps to itself."""
        if self._is_refused:
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
        if (endpoint := self._endpoints.get(self.url)) is not None and self._may_go_the_short_way():
            self._begin_exchange(endpoint)
        else:
            super().on_headers_complete()
        self._in_body = True
        # Trailers are not headers: what follows the body goes into a list that nobody reads.
        self.headers = []

    def _may_go_the_short_way(self) -> bool:
        """Tell whether nothing is asked for that uvicorn has to see to, such as the order of answers."""
        if self.expect_100_continue or self.parser.get_method() != b"POST" or self.parser.get_http_version() != "1.1":
            return False
        return self.cycle is None or bool(self.cycle.response_complete)

    def _begin_exchange(self, endpoint: Endpoint[Any]) -> None:
        exchange = Exchange(
            endpoint,
            self.transport,
            self._outbox,
            self.server_state.default_headers,
            self.on_response_complete,
            keep_alive=self.parser.should_keep_alive(),
        )
        self.cycle = exchange
        if exchange.begin(self.headers):
            self._exchange = exchange

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def on_response_complete(self) -> None:
        """Go on with the next request, or begin to be idle; without a timer, which uvicorn sets for each answer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._idle_until = self.loop.time() + self._limits.idle_seconds

    def shutdown(self) -> None:
        """Let the connection end once what is under way is answered."""
        self._outbox.flush()
        super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits for the rest of a body that none will come."""
        self._abandon("disconnected")
        if isinstance(self.cycle, Exchange):
            self.cycle = None
        super().connection_lost(exc)

    def on_body(self, body: bytes) -> None:
        """Hand a part of the body over."""
        self._reports += 1
        self._unreported_bytes = 0
        if self._is_refused:
            return
        if self._exchange is None:
            super().on_body(body)
        elif not self._exchange.take(body):
            self._exchange = None

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
        self.transport.write(_message(problem(HTTPStatus.BAD_REQUEST, None, msg)))
        self.transport.close()

    def _refuse_large_head(self) -> None:
        detail = f"The headers are longer than {self._limits.header_bytes} bytes; send fewer or shorter ones."
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", detail)

    def _refuse(self, status: HTTPStatus, reason_code: str, detail: str) -> None:
        if self._is_refused:
            return
        self._is_refused = True
        self._due = None
        self._outbox.flush()
        # An answer that has begun, or one to an earlier request on the connection, cannot be overtaken.
        if not self._earlier_is_under_way() and not self._answer_has_begun():
            self.transport.write(_message(problem(status, reason_code, detail)))
        if self._exchange is None:
            self._on_refusal(reason_code)
        else:
            self._abandon(reason_code)
        if isinstance(self.cycle, RequestResponseCycle) and not self.cycle.response_complete:
            # Whoever waits for the body learns that none will come.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def _answer_has_begun(self) -> bool:
        """Tell whether the request that is being received has been answered before its end."""
        return self._in_body and bool(self.cycle.response_complete or self.cycle.response_started)

    def _abandon(self, reason_code: str) -> None:
        if (exchange := self._exchange) is not None:
            self._exchange = None
            exchange.abandon(reason_code)


def _message(answer: Answer) -> bytes:
    """Return an answer as it goes over the wire, with the connection's end."""
    head = b"".join(b"%b: %b\r\n" % header for header in answer.headers)
    return STATUS_LINE[answer.status] + head + b"connection: close\r\n\r\n" + answer.body
