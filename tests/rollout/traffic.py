"""Webhooks that are sent all the while, each with values of its own in the fields that the rollout is about."""

from __future__ import annotations

import json
import random
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import httpx
from payments_contracts import providers
from payments_contracts.examples import EXAMPLES
from pydantic import SecretStr
from simulator.places import find, place
from simulator.signing import Signer
from simulator.variation import vary

from tests.rollout.change import BROUGHT

if TYPE_CHECKING:
    from collections.abc import Mapping

_PAUSE_S = 0.2
_NAMES = {
    "stripe": ("payment_intent.created", "payment_intent.succeeded", "payment_intent.payment_failed"),
    "square": ("payment.created", "payment.updated", "payment.updated.failed"),
}


@dataclass(frozen=True)
class Webhook:
    """A webhook that is to be sent: the provider's id of its event, and what it says in the new fields."""

    id: str
    told: Mapping[str, Any]
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Sent:
    """A webhook that was sent, and the gateway's answer."""

    provider: str
    id: str
    told: Mapping[str, Any]
    status: int


def notification_url(provider: str) -> str:
    """Return the address that gateways of this provider are told, which some providers sign."""
    return f"https://shop.example/webhooks/{provider}"


def webhook(provider: str, number: int, dice: random.Random) -> Webhook:
    """Make the webhook of a number, as of now, of one of the provider's examples."""
    envelope = providers.PROVIDERS[provider].envelope
    name = _NAMES[provider][number % len(_NAMES[provider])]
    (example,) = (each for each in EXAMPLES if (each.provider, each.name) == (provider, name))
    varied = vary(example, created=int(time.time()), created_at=envelope.created_at, owner=None, account="", dice=dice)
    body = json.loads(varied.body)
    told = {}
    for each in (each for each in BROUGHT if each.provider == provider):
        told[each.name] = each.told(number)
        place(body, tuple(each.path.split(".")), told[each.name])
    return Webhook(find(body, envelope.event_id), told, json.dumps(body).encode(), varied.headers)


class Traffic:
    """Signed webhooks of a provider, about five a second, until the `with` ends."""

    def __init__(self, provider: str, url: str, secrets: str) -> None:
        self.provider = provider
        self.sent: list[Sent] = []
        endpoint = json.loads(secrets)[0]
        self._signer = Signer(
            providers.PROVIDERS[provider].signature, SecretStr(endpoint["secret"]), notification_url(provider)
        )
        self._url = f"{url}/webhooks/{provider}"
        self._dice = random.Random()  # noqa: S311 - not for secrets
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._send_all)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()

    def _send_all(self) -> None:
        with httpx.Client(timeout=30) as client:
            while not self._enough.wait(_PAUSE_S):
                made = webhook(self.provider, len(self.sent), self._dice)
                signed = self._signer.deliver(made.body, int(time.time()), made.headers)
                headers = {"content-type": "application/json", **signed.headers}
                answer = client.post(self._url, content=signed.body, headers=headers)
                self.sent.append(Sent(self.provider, made.id, made.told, answer.status_code))
