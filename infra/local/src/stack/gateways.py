"""The gateways of the stack: one deployment of the one program for each provider that GATEWAY_PROVIDERS names.

A normalizer goes with each: providers fail, restart and are upgraded by themselves.
"""

import json
from dataclasses import dataclass

from stack.errors import StackError
from stack.places import Places
from stack.ports import GATEWAYS, NORMALIZERS, Ports, url


@dataclass(frozen=True, slots=True)
class Gateway:
    """The gateway of a provider, and with it its normalizer; ports are by their names."""

    provider: str
    title: str
    port: str
    normalizer_port: str

    @property
    def name(self) -> str:
        """The name of its process."""
        return f"gateway-{self._suffix}"

    @property
    def normalizer(self) -> str:
        """The name of the process that normalizes what it receives."""
        return f"normalizer-{self._suffix}"

    @property
    def prefix(self) -> str:
        """What the names of its settings begin with, for all who are not this gateway."""
        return f"GATEWAY_{self.provider.upper()}_"

    @property
    def _suffix(self) -> str:
        return self.provider.replace("_", "-")

    def url(self, ports: Ports) -> str:
        """Return its HTTP address."""
        return url(ports.named((self.port,))[self.port])

    def normalizer_url(self, ports: Ports) -> str:
        """Return the address of the normalizer's metrics and health."""
        return url(ports.named((self.normalizer_port,))[self.normalizer_port])

    def notification_url(self, ports: Ports) -> str:
        """Return the address at which the provider would deliver."""
        return f"{self.url(ports)}/webhooks/{self.provider}"


def gateways(places: Places) -> tuple[Gateway, ...]:
    """Return a gateway for each chosen provider, in their order.

    Raises:
        StackError: The generated list is absent or does not have one of them, or there are more than ports.
    """
    file = places.repository / "generated" / "gateways.json"
    try:
        declared = json.loads(file.read_text())["gateways"]
    except FileNotFoundError:
        raise StackError(f"{file} does not exist: run `make codegen`.") from None
    titles = {each["provider"]: each["title"] for each in declared}
    chosen = places.providers
    if unknown := [name for name in chosen if name not in titles]:
        known = ", ".join(sorted(titles))
        raise StackError(f"GATEWAY_PROVIDERS names {', '.join(unknown)}, and the contracts know {known}.")
    if len(chosen) > len(GATEWAYS):
        raise StackError(
            f"GATEWAY_PROVIDERS names {len(chosen)} providers, and there are ports for {len(GATEWAYS)} gateways: "
            "name fewer, or add one to stack/ports.py."
        )
    ports = zip(GATEWAYS, NORMALIZERS, strict=True)
    return tuple(Gateway(name, titles[name], *pair) for name, pair in zip(chosen, ports, strict=False))
