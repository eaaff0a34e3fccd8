"""A webhook on a connection and its answer, without ASGI.

What ASGI asks for, a task, an event, two coroutines and five dictionaries, takes longer than all that the gateway does.
See docs/decisions/0015-what-makes-the-gateway-fast.md.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from gateway.answers import Answer, Header, Outbox, Respond
from gateway.errors import RequestReason

Work = TypeVar("Work")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Endpoint(Protocol[Work]):
    """Answers POST requests of one path. `Work` is whatever it wants to keep of a request."""

    @property
    def max_body_bytes(self) -> int:
        """The longest body that is kept."""

    def begin(self, headers: Sequence[Header], respond: Respond) -> Work | None:
        """Take a request whose head is there, or respond at once and return None."""

    def complete(self, work: Work, body: bytes) -> None:
        """Go on with a request that is there."""

    def refuse_large(self, work: Work) -> None:
        """Respond to a request whose body is longer than may be."""

    def abandon(self, work: Work, reason_code: RequestReason) -> None:
        """Forget a request that will not come whole."""


class Exchange(Generic[Work]):
    """One request and its answer. One that comes before its turn waits, and the endpoint hears of it later.

    It stands where uvicorn has a cycle of its own, so that uvicorn keeps requests in their order: hence the names of
    its attributes.

    Args:
        endpoint: Answers.
        headers: Of the request.
        transport: Where answers go.
        outbox: Sends them.
        common: Headers that all answers have.
        on_response: Called when the answer has been given.
        keep_alive: Whether the connection stays open.
        awaits_continue: Whether the client sends the body only once it is asked to.
    """

    __slots__ = (
        "_awaits_continue",
        "_body",
        "_common",
        "_endpoint",
        "_has_begun",
        "_headers",
        "_is_too_large",
        "_is_whole",
        "_on_response",
        "_outbox",
        "_transport",
        "_work",
        "keep_alive",
        "response_complete",
    )
    # Answers are sent whole.
    response_started = False

    def __init__(
        self,
        endpoint: Endpoint[Work],
        headers: Sequence[Header],
        transport: asyncio.Transport,
        outbox: Outbox,
        *,
        common: Sequence[Header],
        on_response: Callable[[], None],
        keep_alive: bool,
        awaits_continue: bool,
    ) -> None:
        self._endpoint = endpoint
        self._headers = headers
        self._transport = transport
        self._outbox = outbox
        self._common = common
        self._on_response = on_response
        self._body: bytes | bytearray = b""
        self._work: Work | None = None
        self._awaits_continue = awaits_continue
        self._has_begun = self._is_whole = self._is_too_large = False
        self.keep_alive = keep_alive
        self.response_complete = False

    def begin(self) -> None:
        """Have the endpoint take the request, whose turn has come, with as much of its body as is there."""
        self._has_begun = True
        headers, self._headers = self._headers, ()
        self._work = self._endpoint.begin(headers, self._respond)
        if self._work is None:
            self._body = b""
        elif self._is_too_large or self._is_whole:
            self._hand_over()
        elif self._awaits_continue and not self._body:
            self._transport.write(_CONTINUE)

    def take(self, part: bytes) -> None:
        """Keep a part of the body, unless nobody wants it any more."""
        if self._is_too_large or (self._has_begun and self._work is None):
            return
        if not self._body:
            self._body = part
        elif isinstance(self._body, bytes):
            self._body = bytearray(self._body + part)
        else:
            self._body += part
        if len(self._body) > self._endpoint.max_body_bytes:
            self._is_too_large = True
            self._body = b""
            self._hand_over()

    def complete(self) -> None:
        """Have the request answered; its body is there."""
        self._is_whole = True
        self._hand_over()

    def abandon(self, reason_code: RequestReason) -> bool:
        """Say that the rest of the body will not come; tell whether the endpoint had been waiting for it."""
        work, self._work, self._body = self._work, None, b""
        if work is None:
            return False
        self._endpoint.abandon(work, reason_code)
        return True

    def _hand_over(self) -> None:
        # Whoever works on it knows how to respond, and with it this: a circle, if it stayed here. A connection keeps
        # its last exchange, and with it would keep the body.
        work = self._work
        if work is None:
            return
        body, self._work, self._body = bytes(self._body), None, b""
        if self._is_too_large:
            self._endpoint.refuse_large(work)
        else:
            self._endpoint.complete(work, body)

    def _respond(self, answer: Answer) -> None:
        self.response_complete = True
        head = self._outbox.head(answer.status, self._common, answer.headers)
        if self.keep_alive:
            self._outbox.add(self._transport, head + b"\r\n" + answer.body)
        elif not self._transport.is_closing():
            self._transport.write(head + b"connection: close\r\n\r\n" + answer.body)
            self._transport.close()
        self._on_response()
