"""Fetches what the public keys of providers are in: bounded in size, in time and in number.

Addresses are those of the contracts, never a sender's: who calls has seen to that. No redirect is followed.
"""

import asyncio
import os
import re
import ssl
from collections import deque
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Final, NamedTuple, Protocol
from urllib.parse import urlsplit

import certifi
import httpx
from kit.errors import Transient

_TIMEOUT_SECONDS: Final = 5.0
_LONGEST: Final = 65_536
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age=([0-9]{1,9})(?:$|[\s,])", re.ASCII | re.IGNORECASE)
_NOT_KEPT: Final = re.compile(r"(?:^|[\s,])no-(?:store|cache)(?:$|[\s,=])", re.ASCII | re.IGNORECASE)


class Document(NamedTuple):
    """What was at an address, and for how many seconds its server says that it stays; None where it does not say."""

    content: bytes
    fresh_seconds: float | None = None


class Fetch(Protocol):
    """Gets what is at an address."""

    async def __call__(self, url: str, /) -> Document:
        """Return the content; raises Transient where it cannot be had now."""


class Fetcher:
    """Gets documents by HTTPS, none longer than 64 KiB, and each within five seconds from first to last.

    Args:
        stand_in: A server on this machine that is asked in the place of every other, by HTTP; None for the real ones.
    """

    def __init__(self, stand_in: str | None = None) -> None:
        self._stand_in = None if stand_in is None else stand_in.rstrip("/")
        # Reading all roots takes its time: once, and not while webhooks wait.
        self._context = ssl.create_default_context(cafile=roots_file())

    async def __call__(self, url: str, /) -> Document:
        """Return what is at an address; raises Transient where it cannot be had now."""
        try:
            # Whole, since a server that sends a byte a second keeps to every other limit.
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                return await self._get(url)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            raise Transient(f"{_host(url)} does not answer: {type(error).__name__}") from error

    async def _get(self, url: str) -> Document:
        target = url if self._stand_in is None else f"{self._stand_in}{urlsplit(url).path}"
        # Nothing is unpacked: a few bytes could become more than there is room for.
        headers = {"Accept-Encoding": "identity"}
        async with (
            httpx.AsyncClient(verify=self._context, timeout=_TIMEOUT_SECONDS, follow_redirects=False) as client,
            client.stream("GET", target, headers=headers) as response,
        ):
            if response.status_code != httpx.codes.OK or "content-encoding" in response.headers:
                raise Transient(f"{_host(url)} answers {response.status_code}")
            content = bytearray()
            async for part in response.aiter_raw():
                content += part
                if len(content) > _LONGEST:
                    raise Transient(f"{_host(url)} answers with more than {_LONGEST} bytes")
            return Document(bytes(content), fresh_seconds(response.headers))


class Allowance:
    """How often something may be done: at most so many times within so many seconds."""

    def __init__(self, most: int, seconds: float, clock: Callable[[], float] = monotonic) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._taken: deque[float] = deque()

    def take(self) -> bool:
        """Tell whether it may be done now, and count it."""
        now = self._clock()
        while self._taken and now - self._taken[0] >= self._seconds:
            self._taken.popleft()
        if len(self._taken) >= self._most:
            return False
        self._taken.append(now)
        return True


def roots_file() -> str:
    """Return the file with the roots that are trusted: the one of SSL_CERT_FILE, else that of the `certifi` package."""
    return os.environ.get("SSL_CERT_FILE") or certifi.where()


def fresh_seconds(headers: httpx.Headers) -> float | None:
    """Return for how long an answer stays fresh (RFC 9111, 4.2.1); None where its headers do not say so."""
    control = headers.get("cache-control", "")
    if _NOT_KEPT.search(control):
        return 0.0
    if found := _MAX_AGE.search(control):
        age = headers.get("age", "0")
        return max(0.0, float(found[1]) - (float(age) if age.isascii() and age.isdecimal() else 0.0))
    try:
        expires, date = (parsedate_to_datetime(headers[name]) for name in ("expires", "date"))
        return max(0.0, (expires - date).total_seconds())
    except (KeyError, ValueError, TypeError):
        return None


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the server"
