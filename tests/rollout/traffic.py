"""Webhooks that are sent all the while, each with a text of its own in the field that the rollout is about."""

from __future__ import annotations

import hmac
import json
import threading
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import httpx
from payments_contracts.examples import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Mapping

_PAUSE_S = 0.2
_NAMES = ("payment_intent.created", "payment_intent.succeeded", "payment_intent.payment_failed")


@dataclass(frozen=True)
class Sent:
    """A webhook: the provider's id, the text, when it was sent, and the gateway's answer."""

    id: str
    text: str
    status: int


class Traffic:
    """Signed webhooks of Stripe, about five a second, until the `with` ends."""

    def __init__(self, url: str, secrets: str) -> None:
        ((self._endpoint),) = json.loads(secrets)
        self._url = url
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._send_all)
        found: Mapping[str, bytes] = {
            each.name: each.body for each in EXAMPLES if each.provider == "stripe" and each.name in _NAMES
        }
        self._bodies = [json.loads(found[name]) for name in _NAMES]
        self.sent: list[Sent] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()

    def _send_all(self) -> None:
        with httpx.Client(timeout=30) as client:
            while not self._enough.wait(_PAUSE_S):
                self.sent.append(self._send(client))

    def _send(self, client: httpx.Client) -> Sent:
        body = json.loads(json.dumps(self._bodies[len(self.sent) % len(self._bodies)]))
        body["id"] = f"evt_{uuid.uuid4().hex}"
        text = f"ORDER {len(self.sent)}"
        body["data"]["object"]["statement_descriptor_suffix"] = text
        content, now = json.dumps(body).encode(), int(time.time())
        digest = hmac.digest(self._endpoint["secret"].encode(), f"{now}.".encode() + content, "sha256").hex()
        headers = {"Stripe-Signature": f"t={now},v1={digest}", "Content-Type": "application/json"}
        answer = client.post(self._url, content=content, headers=headers)
        return Sent(body["id"], text, answer.status_code)
