"""The Schema Registry's Confluent API, as far as a deployment needs it.

API: https://docs.confluent.io/platform/current/schema-registry/develop/api.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
from kit.connection import Http, endpoint_of, tls_refusal

from operations.errors import DeploymentError, UnavailableError

_TIMEOUT_SECONDS = 30.0
_LONGEST_MESSAGE = 500


@dataclass(frozen=True, slots=True)
class Held:
    """A subject as the registry holds it; a subject that it does not know has neither level nor versions.

    `compatibility` is the level in force, `schemas` the text of each living version, `deleted` the versions that
    were softly deleted: their numbers are used up, and readers of old messages still get their schemas.
    """

    subject: str
    compatibility: str | None
    schemas: Mapping[int, str]
    deleted: frozenset[int]

    @property
    def numbers(self) -> frozenset[int]:
        """Return every version number that is used up."""
        return frozenset(self.schemas) | self.deleted


class SchemaRegistry:
    """Reads and writes subjects. Each method raises UnavailableError while nobody answers, DeploymentError on a no."""

    def __init__(self, registry: Http, *, transport: httpx.BaseTransport | None = None) -> None:
        where = endpoint_of(registry)
        try:
            # Without credentials: messages show it.
            self.url = str(httpx.URL(where.url).copy_with(userinfo=b""))
            self._client = httpx.Client(
                base_url=where.url, timeout=_TIMEOUT_SECONDS, transport=transport, **where.options()
            )
        except httpx.InvalidURL as error:
            raise DeploymentError(f"SCHEMA_REGISTRY_URL is not a URL: {error}.") from error
        except ValueError as error:
            raise DeploymentError(f"{error}.") from error
        self._tls = where.tls.setting

    def subjects(self) -> frozenset[str]:
        """Return the subjects that have a living version."""
        return frozenset(str(name) for name in self._list("/subjects"))

    def held(self, subject: str) -> Held:
        """Return all that the registry holds of a subject."""
        path = f"/subjects/{quote(subject, safe='')}/versions"
        living = self._list(path)
        every = self._list(f"{path}?deleted=true")
        schemas = {int(version): str(self._object(f"{path}/{version}").get("schema")) for version in living}
        level = self._answer("GET", f"/config/{quote(subject, safe='')}")
        return Held(
            subject=subject,
            compatibility=level.get("compatibilityLevel") if isinstance(level, dict) else None,
            schemas=schemas,
            deleted=frozenset(int(version) for version in every) - frozenset(schemas),
        )

    def set_compatibility(self, subject: str, level: str) -> None:
        """Put a subject under a compatibility level, which holds for what is registered from now on."""
        self._answer("PUT", f"/config/{quote(subject, safe='')}", {"compatibility": level})

    def add(self, subject: str, text: str) -> None:
        """Register a schema under a subject; where it is there already nothing changes."""
        self._answer("POST", f"/subjects/{quote(subject, safe='')}/versions", {"schema": text, "schemaType": "AVRO"})

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _list(self, path: str) -> list[Any]:
        answer = self._answer("GET", path)
        if answer is None:
            return []
        if not isinstance(answer, list):
            raise self._stranger()
        return answer

    def _object(self, path: str) -> dict[str, Any]:
        answer = self._answer("GET", path)
        if answer is None:
            raise DeploymentError(f"{path} vanished while the registry at {self.url} was read. Run the command again.")
        if not isinstance(answer, dict):
            raise self._stranger()
        return answer

    def _answer(self, method: str, path: str, body: object = None) -> Any:
        """Return what the registry answers, None for a subject or version that it does not know."""
        try:
            answer = self._client.request(method, path, json=body)
        except httpx.TransportError as error:
            why = tls_refusal(error, self._tls) or type(error).__name__
            raise UnavailableError(
                f"The schema registry at {self.url} does not answer ({why}). Is it up? See `make status`."
            ) from error
        if answer.is_server_error:
            raise UnavailableError(f"The schema registry at {self.url} is in trouble: it answers {answer.status_code}.")
        try:
            content = json.loads(answer.content)
        except ValueError:
            raise self._stranger(answer.status_code) from None
        if answer.is_success:
            return content
        # A registry's errors have a code of its own beside that of HTTP; other servers' have not.
        if not isinstance(content, dict) or "error_code" not in content:
            raise self._stranger(answer.status_code)
        if answer.status_code == HTTPStatus.NOT_FOUND and method == "GET":
            return None
        message = str(content.get("message", ""))[:_LONGEST_MESSAGE]
        raise DeploymentError(f"The registry refused: {answer.status_code} {message}".rstrip())

    def _stranger(self, status: int = HTTPStatus.OK) -> DeploymentError:
        return DeploymentError(
            f"What answers {status} at {self.url} is not a schema registry, or wants credentials. "
            "SCHEMA_REGISTRY_URL has to be the base of the Confluent API; where it asks for them, set "
            "SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD."
        )
