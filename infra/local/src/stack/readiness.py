"""Tells whether a server can do its work, by asking it."""

import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import httpx
import psycopg

from stack.ports import LOOPBACK

PROBE_SECONDS = 5.0
# Length, correlation id and error code, with which each answer of Kafka to ApiVersions begins.
ANSWER_BYTES = 10


class Probe(Protocol):
    """A question to a server."""

    def check(self) -> str | None:
        """Return None if the server is ready, else what is still missing."""


@dataclass(frozen=True, slots=True)
class HttpReady:
    """An HTTP address answers 200, and if asked for its JSON satisfies a condition."""

    url: str
    accept: Callable[[object], bool] | None = None
    post: Mapping[str, str] | None = None
    statuses: frozenset[int] = field(default_factory=lambda: frozenset({200}))

    def check(self) -> str | None:
        """Ask once."""
        try:
            # No proxy for loopback, and no certificates for plain HTTP: to load them costs more than to ask.
            with httpx.Client(timeout=PROBE_SECONDS, trust_env=False, verify=False) as client:  # noqa: S501  # as said
                answer = client.post(self.url, json=dict(self.post)) if self.post else client.get(self.url)
        except httpx.HTTPError:
            return f"no answer from {self.url}"
        if answer.status_code not in self.statuses:
            return f"{self.url} answers {answer.status_code}"
        if self.accept is not None:
            try:
                accepted = self.accept(answer.json())
            except (ValueError, KeyError, TypeError):
                accepted = False
            if not accepted:
                return f"{self.url} says it is not ready"
        return None


@dataclass(frozen=True, slots=True)
class PostgresReady:
    """Postgres accepts a session."""

    dsn: str = field(repr=False)

    def check(self) -> str | None:
        """Connect once."""
        try:
            psycopg.connect(self.dsn, connect_timeout=int(PROBE_SECONDS)).close()
        except psycopg.Error:
            return "Postgres does not accept connections yet"
        return None


@dataclass(frozen=True, slots=True)
class PortReady:
    """A server that listens only once it is ready listens."""

    port: int

    def check(self) -> str | None:
        """Connect once."""
        try:
            socket.create_connection((LOOPBACK, self.port), timeout=PROBE_SECONDS).close()
        except OSError:
            return f"nothing listens at port {self.port} yet"
        return None


@dataclass(frozen=True, slots=True)
class KafkaReady:
    """A broker answers an ApiVersions request (version 0) of the Kafka protocol."""

    port: int

    def check(self) -> str | None:
        """Ask once."""
        api_versions, version, correlation, client = 18, 0, 1, b"stack"
        body = struct.pack(">hhih", api_versions, version, correlation, len(client)) + client
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=PROBE_SECONDS) as connection:
                connection.sendall(struct.pack(">i", len(body)) + body)
                answer = connection.recv(ANSWER_BYTES)
        except OSError:
            return "the broker does not answer yet"
        if len(answer) < ANSWER_BYTES or struct.unpack(">iih", answer)[1:] != (correlation, 0):
            return "the broker does not answer the protocol yet"
        return None
