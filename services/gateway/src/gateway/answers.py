"""Answers to requests, and how they go over the wire: in one piece each, and those of one turn of the loop in a row."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

Header = tuple[bytes, bytes]


class Answer(NamedTuple):
    """A whole answer; its length is among the headers."""

    status: int
    headers: tuple[Header, ...]
    body: bytes


def last(answer: Answer) -> bytes:
    """Return an answer as it goes over the wire, with the connection's end."""
    head = b"".join(b"%b: %b\r\n" % header for header in answer.headers)
    return STATUS_LINE[answer.status] + head + b"connection: close\r\n\r\n" + answer.body


Respond = Callable[[Answer], None]
"""Sends the answer to one request; to be called once."""


class Outbox:
    """Sends answers at the end of a turn of the event loop, all in a row.

    A write wakes the peer, which on the same host takes longer than the write. Where answers are due together, as
    Kafka's acknowledgements come, one wake-up serves them all.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[tuple[asyncio.Transport, bytes]] = []
        self._head = b""
        self._head_of: tuple[object, ...] = (None, None, None)

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

    def head(self, status: int, common: Sequence[Header], own: tuple[Header, ...]) -> bytes:
        """Return an answer's status and headers; the same objects as the last time give what was made then.

        Uvicorn makes a new list of common headers for each second, since the date is among them.
        """
        known_status, known_common, known_own = self._head_of
        if status != known_status or common is not known_common or own is not known_own:
            self._head_of = (status, common, own)
            self._head = STATUS_LINE[status] + b"".join(b"%b: %b\r\n" % header for header in (*common, *own))
        return self._head
