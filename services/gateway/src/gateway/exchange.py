"""A request that an endpoint answers without ASGI, and its answer.

For a webhook what ASGI asks for, a task, an event, two coroutines and five dictionaries, takes as long as its
signature. See docs/decisions/0015-what-makes-the-gateway-fast.md.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from gateway.answers import Answer, Header, Outbox, Respond

Work = TypeVar("Work")


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

    def abandon(self, work: Work, reason_code: str) -> None:
        """Forget a request that will not come whole."""


class Exchange(Generic[Work]):
    """One request on a connection and its answer.

    It stands where uvicorn has a cycle of its own, so that uvicorn keeps requests in their order: hence the names of
    its attributes.

    Args:
        endpoint: Answers.
        transport: Where answers go.
        outbox: Sends them.
        common: Headers that all answers have.
        keep_alive: Whether the connection stays open.
        on_response: Called when the answer has been given.
    """

    __slots__ = (
        "_body",
        "_common",
        "_endpoint",
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
        transport: asyncio.Transport,
        outbox: Outbox,
        common: Sequence[Header],
        on_response: Callable[[], None],
        *,
        keep_alive: bool,
    ) -> None:
        self._endpoint = endpoint
        self._transport = transport
        self._outbox = outbox
        self._common = common
        self._on_response = on_response
        self._body: bytes | bytearray = b""
        self.keep_alive = keep_alive
        self.response_complete = False

    def begin(self, headers: Sequence[Header]) -> bool:
        """Tell whether the body is wanted; if not, the answer has been given."""
        work = self._endpoint.begin(headers, self._respond)
        if work is None:
            return False
        self._work = work
        return True

    def take(self, part: bytes) -> bool:
        """Keep a part of the body; tell whether more is wanted. If not, the answer has been given."""
        if not self._body:
            self._body = part
        elif isinstance(self._body, bytes):
            self._body = bytearray(self._body + part)
        else:
            self._body += part
        if len(self._body) <= self._endpoint.max_body_bytes:
            return True
        self._body = b""
        self._endpoint.refuse_large(self._hand_over())
        return False

    def complete(self) -> None:
        """Have the request answered; its body is there."""
        # A connection keeps its last exchange, and with it would keep the body.
        body, self._body = bytes(self._body), b""
        self._endpoint.complete(self._hand_over(), body)

    def abandon(self, reason_code: str) -> None:
        """Say that the rest of the body will not come."""
        self._endpoint.abandon(self._hand_over(), reason_code)

    def _hand_over(self) -> Work:
        # Whoever works on it knows how to respond, and with it this: a circle, if it stayed here.
        work = self._work
        del self._work
        return work

    def _respond(self, answer: Answer) -> None:
        self.response_complete = True
        head = self._outbox.head(answer.status, self._common, answer.headers)
        if self.keep_alive:
            self._outbox.add(self._transport, head + b"\r\n" + answer.body)
        elif not self._transport.is_closing():
            self._transport.write(head + b"connection: close\r\n\r\n" + answer.body)
            self._transport.close()
        self._on_response()
