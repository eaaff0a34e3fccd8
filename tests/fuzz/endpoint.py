"""The gateways' endpoints, as a provider and an operator know them."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from gateway.composed import is_composed
from payments_contracts.providers import PROVIDERS, Provider
from simulator.forgery import Forgery, forgeries
from simulator.signing import Signer, written

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

PLAIN: Final[Mapping[str, Provider]] = MappingProxyType(
    {name: provider for name, provider in PROVIDERS.items() if not is_composed(provider)}
)
"""Providers whose envelope is at single places of a JSON body, and whose signature covers no more than that."""

_KEY = b"the key of the endpoints under test"
_NOTIFICATION_URL = "https://payments.example/webhooks"
_MERCHANT = "merch_fuzz"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one provider delivers."""

    provider: Provider
    signer: Signer

    @classmethod
    def of(cls, provider: str) -> Endpoint:
        contract = PROVIDERS[provider]
        secret = written(_KEY, contract.signature.key_encoding)
        return cls(contract, Signer(contract.signature, secret, _NOTIFICATION_URL))

    @property
    def path(self) -> str:
        return f"/webhooks/{self.provider.name}"

    @property
    def settings(self) -> Mapping[str, str]:
        """What the gateway reads from its environment."""
        secret = written(_KEY, self.provider.signature.key_encoding).get_secret_value()
        return {
            "GATEWAY_PROVIDER": self.provider.name,
            "WEBHOOK_SECRETS": json.dumps([{"id": "fuzz", "secret": secret, "merchant_id": _MERCHANT}]),
            "NOTIFICATION_URL": _NOTIFICATION_URL,
        }

    def forgeries(self, dice: Random) -> tuple[Forgery, ...]:
        """Return the ways to sign wrongly."""
        secret = written(_KEY, self.provider.signature.key_encoding)
        return forgeries(self.provider, secret, _NOTIFICATION_URL, dice)

    def signed(self, content: bytes, forgery: Forgery | None = None) -> Mapping[str, str]:
        """Return the headers that sign a body now."""
        sign = self.signer.deliver if forgery is None else forgery.sign
        return sign(content, int(time.time()), {}).headers
