"""A reader of the Schema Registry through its Confluent API; it never registers anything.

API: https://docs.confluent.io/platform/current/schema-registry/develop/api.html
Needs the extra `registry`; `kafka` brings it too.
"""

import json
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
import stamina

from kit.answers import promised
from kit.connection import Http, endpoint_of, tls_refusal
from kit.errors import Fault, Rejected, Transient

_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class RegisteredSchema:
    """A schema as the registry holds it; `id` stands in front of each message written with it."""

    subject: str
    version: int
    id: int
    text: str


class RegistryClient:
    """Looks schemas up by subject and text, or by id. Blocks: call it at start, or from a thread.

    While the registry is away each call is retried for `patience_seconds`.
    """

    def __init__(
        self, registry: Http, *, patience_seconds: float = 30.0, transport: httpx.BaseTransport | None = None
    ) -> None:
        where = endpoint_of(registry)
        try:
            self._client = httpx.Client(
                base_url=where.url.rstrip("/"), timeout=_TIMEOUT_SECONDS, transport=transport, **where.options()
            )
        except ValueError as error:
            raise Fault(f"{error}.") from error
        self._tls = where.tls.setting
        self._patience_seconds = patience_seconds

    def lookup(self, subject: str, version: int, text: str) -> RegisteredSchema:
        """Return the registered schema of a subject that equals a contract's text.

        Raises:
            Fault: It is not registered, or under another version than the contract's.
            Transient: The registry does not answer.
        """
        answer = self._request("POST", f"/subjects/{quote(subject, safe='')}", {"schema": text})
        if answer.status_code == HTTPStatus.NOT_FOUND:
            raise Fault(
                f"The schema of {subject}, version {version}, is not registered at {self._client.base_url}. "
                "Run `make register`; services never register schemas themselves."
            )
        found = self._content(answer, subject)
        with promised(f"The schema registry at {self._client.base_url}", answer, Fault):
            registered, schema_id = int(found["version"]), int(found["id"])
        if registered != version:
            raise Fault(
                f"The schema of {subject} is registered as version {registered}, its contract says {version}. "
                "Run `make register` against a registry in which the contract's versions are registered in order."
            )
        return RegisteredSchema(subject, version, schema_id, text)

    def text(self, schema_id: int) -> str:
        """Return the text of the schema with an id.

        Raises:
            Rejected: There is none (code `schema_unknown`).
            Transient: The registry does not answer.
        """
        answer = self._request("GET", f"/schemas/ids/{schema_id}", None)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            raise Rejected(f"{self._client.base_url} has no schema with id {schema_id}.", "schema_unknown")
        found = self._content(answer, f"schema {schema_id}")
        with promised(f"The schema registry at {self._client.base_url}", answer, Fault):
            return str(found["schema"])

    def check(self) -> str | None:
        """Tell for /readyz whether the registry answers: None, or what is wrong."""
        try:
            answer = self._client.get("/subjects")
        except httpx.TransportError as error:
            return f"{self._client.base_url} does not answer ({self._why(error)})"
        return None if answer.is_success else f"{self._client.base_url} answers {answer.status_code}"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _request(self, method: str, path: str, body: object) -> httpx.Response:
        attempts = stamina.retry_context(
            on=Transient, attempts=None, timeout=self._patience_seconds, wait_initial=0.2, wait_max=2.0
        )
        for attempt in attempts:
            with attempt:
                return self._send(method, path, body)
        raise AssertionError("stamina returns or raises")  # pragma: no cover

    def _send(self, method: str, path: str, body: object) -> httpx.Response:
        try:
            answer = self._client.request(method, path, json=body)
        except httpx.TransportError as error:
            raise Transient(
                f"The schema registry at {self._client.base_url} does not answer ({self._why(error)})."
            ) from error
        if answer.is_server_error:
            raise Transient(f"The schema registry at {self._client.base_url} answers {answer.status_code}.")
        return answer

    def _why(self, error: httpx.TransportError) -> str:
        return tls_refusal(error, self._tls) or type(error).__name__

    def _content(self, answer: httpx.Response, what: str) -> dict[str, Any]:
        if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise Fault(
                f"The schema registry at {self._client.base_url} refuses this program ({answer.status_code}): look at "
                "SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD, and at what this user may do."
            )
        if answer.is_error:
            raise Fault(f"The schema registry refused to look up {what}: {answer.status_code}: {answer.text[:300]}")
        try:
            content = json.loads(answer.content)
        except ValueError:
            raise Fault(f"{self._client.base_url} is not a schema registry: it answered no JSON.") from None
        if not isinstance(content, dict):
            raise Fault(f"{self._client.base_url} is not a schema registry: it answered {type(content).__name__}.")
        return content
