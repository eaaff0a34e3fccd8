"""Webhooks with marks in them, by every way that a webhook can go."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
import orjson
from payments_contracts.normalize import Rejected, normalize
from payments_contracts.providers import PROVIDERS
from pydantic import SecretStr
from simulator.places import find, place
from simulator.signing import Signer

from tests.e2e.marks import everywhere, open_places

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.model import Catalog, Example
    from payments_contracts.providers import Source

    from tests.e2e.marks import Marks


@dataclass
class Sender:
    """Sends webhooks of one provider to its gateway, with marks in headers and in the address, too.

    Attributes:
        provider: Whose webhooks.
        stack: The settings of the stack.
        catalog: The contracts, for their examples and payloads.
        marks: What is put into them.
        answers: How many webhooks got each status.
    """

    provider: str
    stack: Mapping[str, str]
    catalog: Catalog
    marks: Marks
    answers: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        prefix = f"GATEWAY_{self.provider.upper()}_"
        self._url = f"{self.stack[f'{prefix}URL']}/webhooks/{self.provider}"
        (secret, *_) = orjson.loads(self.stack[f"{prefix}SECRETS"])
        self._contract = PROVIDERS[self.provider]
        (self._declared,) = (each for each in self.catalog.providers if each.name == self.provider)
        self._signer = Signer(self._contract.signature, SecretStr(secret["secret"]), self._url)
        self._client = httpx.Client(timeout=30, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def accepted(self) -> Iterator[dict[str, Any]]:
        """Yield a body of each event type, with marks in each field of personal data and in undeclared ones."""
        seen = set()
        for example in self._declared.examples:
            if example.kind == "accepted" and example.event_type not in seen:
                seen.add(example.event_type)
                yield open_places(self._declared, example)

    def quarantined(self) -> Iterator[dict[str, Any]]:
        """Yield bodies with marks in each text that is documented, so that the normalizer refuses them."""
        for example in self._declared.examples:
            if example.kind == "accepted":
                body = self._marked(example)
                if self._is_rejected(body):
                    yield body

    def unsupported(self) -> Iterator[dict[str, Any]]:
        """Yield bodies of unknown types; some have a mark as their type."""
        for number, example in enumerate(self._declared.examples):
            if example.kind == "accepted" and number % 4 == 0:
                body = self._marked(example)
                self._put(body, self._contract.envelope.event_type, self.marks.take() if number % 8 else "leak.unknown")
                yield body

    def send(self, body: dict[str, Any]) -> int:
        """Send a body, signed, under an id and a time of its own; return the status of the answer."""
        return self.post(self.whole(body))

    def whole(self, body: dict[str, Any]) -> bytes:
        """Return the bytes of a body with marks, an id and a time of its own."""
        envelope = self._contract.envelope
        body = orjson.loads(orjson.dumps(body))
        self._put(body, envelope.event_id, f"evt_leak{uuid.uuid4().hex[:20]}")
        created = find(body, envelope.created_at)
        now = datetime.now(UTC)
        at = int(now.timestamp()) if isinstance(created, int) else f"{now:%Y-%m-%dT%H:%M:%SZ}"
        self._put(body, envelope.created_at, at)
        return self.marks.fill(orjson.dumps(body))

    def post(self, content: bytes, *, forged: bool = False) -> int:
        """Send bytes, with a signature, or with one of other bytes and a mark in it."""
        signed = self._signer.deliver(content + b" " if forged else content, int(time.time()), self._headers())
        headers = dict(signed.headers)
        if forged and self._contract.signature.header:
            headers[self._contract.signature.header.lower()] += f",v0={self.marks.take()}"
        answer = self._client.post(f"{self._url}?token={self.marks.take()}", content=content, headers=headers)
        self.answers[answer.status_code] = self.answers.get(answer.status_code, 0) + 1
        assert not self.marks.found_in(answer.content), f"the answer quotes what was sent: {answer.text}"
        return answer.status_code

    def fail(self) -> None:
        """Send what the gateway does not take: forged, too large, broken, of wrong types, to no place."""
        (body, *_) = self.accepted()
        whole = self.whole(body)
        assert self.post(whole, forged=True) == HTTPStatus.UNAUTHORIZED
        padding = b" " * self._contract.envelope.max_body_bytes
        assert self.post(whole + padding) == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        for broken in (whole[:-1], whole[: len(whole) // 2], b"[" + whole, b'"' + self.marks.take().encode() + b'"'):
            assert self.post(broken) == HTTPStatus.UNPROCESSABLE_ENTITY
        for path, _ in self._contract.envelope.required:
            wrong = orjson.loads(whole)
            self._put(wrong, path, {"card": self.marks.take()})
            assert self.post(orjson.dumps(wrong)) == HTTPStatus.UNPROCESSABLE_ENTITY
        elsewhere = self._client.post(f"{self._url}/{self.marks.take()}", content=whole, headers=self._headers())
        assert elsewhere.status_code == HTTPStatus.NOT_FOUND
        assert self._client.request("PUT", self._url, content=whole).status_code == HTTPStatus.METHOD_NOT_ALLOWED

    def _marked(self, example: Example) -> dict[str, Any]:
        """Return an example's body with a mark instead of each text, but where the contract says what a webhook is.

        A merchant's id goes wherever its events go, whichever field the contract takes it from.
        """
        told: dict[str, Any] = orjson.loads(example.body)
        body: dict[str, Any] = everywhere(told)
        envelope = self._contract.envelope
        account = (envelope.account,) if envelope.account else ()
        for path in (envelope.event_id, envelope.event_type, envelope.created_at, *account, *envelope.merchant_id):
            if (value := find(told, path)) is not None:
                self._put(body, path, value)
        return body

    def _headers(self) -> dict[str, str]:
        # The first two are kept beside the raw event, by the provider's contract.
        names = ("user-agent", "x-card", "authorization", "cookie", "traceparent", "x-forwarded-for", "referer")
        made = {name: self.marks.take() for name in names}
        if self.provider == "square":
            made["square-environment"] = "Production"
        return {"content-type": "application/json", **made}

    def _put(self, body: dict[str, Any], source: Source, value: object) -> None:
        """Put a value where the contract says; not one of these two has it in a header, or in several places."""
        assert isinstance(source, tuple)
        place(body, source, value)

    def _is_rejected(self, body: dict[str, Any]) -> bool:
        envelope = self._contract.envelope
        kind = str(find(body, envelope.event_type))
        now = int(time.time() * 1000)
        outcome = normalize(self.provider, orjson.dumps(body), "merchant", "evt_1", kind, now, now, True)  # noqa: FBT003
        return isinstance(outcome, Rejected)
