"""How answers go over the wire: in one piece each, and those of one turn of the event loop in a row."""

import asyncio
from typing import Any

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

Header = tuple[bytes, bytes]


class Outbox:
    """Sends answers at the end of a turn of the event loop, all in a row.

    A write wakes the peer, which on the same host takes longer than the write. Where answers are due together, as
    Kafka's acknowledgements come, one wake-up serves them all.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[tuple[asyncio.Transport, bytes]] = []
        self._head = b""
        self._head_of: tuple[object, ...] = ()

    def add(self, transport: asyncio.Transport, answer: bytes) -> None:
        """Have an answer sent before anything else that is written to this transport from now on in another turn."""
        if not self._waiting:
            self._loop.call_soon(self.flush)
        self._waiting.append((transport, answer))

    def flush(self) -> None:
        """Send now what is waiting."""
        waiting, self._waiting = self._waiting, []
        for transport, answer in waiting:
            # Writing to who has left would raise, and keep the others in the same row from their answers.
            if not transport.is_closing():
                transport.write(answer)

    def head(self, status: int, common: list[Header], own: tuple[Header, ...]) -> bytes:
        """Return an answer's status and headers; the same objects as the last time give what was made then.

        Uvicorn makes a new list of common headers for each second, since the date is among them.
        """
        wanted = (status, common, own)
        if len(self._head_of) != len(wanted) or any(a is not b for a, b in zip(self._head_of, wanted, strict=True)):
            self._head_of = wanted
            self._head = STATUS_LINE[status] + b"".join(b"%b: %b\r\n" % header for header in (*common, *own))
        return self._head


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
        elif self.scope["method"] == "HEAD" or (message["type"] == "http.response.body" and message.get("more_body")):
            constant, self.constant = self.constant, None
            await super().send(constant)
            await super().send(message)
        else:
            self._finish(self.constant, message)

    def _finish(self, start: Any, message: Any) -> None:
        if self.disconnected:
            return
        answer = self.outbox.head(start["status"], self.default_headers, start["headers"])
        if not self.keep_alive:
            answer += b"connection: close\r\n"
        answer += b"\r\n" + message["body"]
        self.response_started = self.response_complete = True
        self.message_event.set()
        if self.keep_alive:
            self.outbox.add(self.transport, answer)
        else:
            self.transport.write(answer)
            self.transport.close()
        self.on_response()
