"""The gateways of the stack: one deployment of the one program for each provider of the contracts."""

import json
from dataclasses import dataclass

from stack.errors import StackError
from stack.places import Places
from stack.ports import GATEWAYS, Ports, url

# They keep their addresses when other providers come.
FIRST = ("stripe", "square")


@dataclass(frozen=True, slots=True)
class Gateway:
    """The gateway of a provider; `port` is the name of its port."""

    provider: str
    title: str
    port: str

    @property
    def name(self) -> str:
        """The name of its process."""
        return f"gateway-{self.provider.replace('_', '-')}"

    @property
    def prefix(self) -> str:
        """What the names of its settings begin with, for all who are not this gateway."""
        return f"GATEWAY_{self.provider.upper()}_"

    def url(self, ports: Ports) -> str:
        """Return its HTTP address."""
        return url(ports.named((self.port,))[self.port])

    def notification_url(self, ports: Ports) -> str:
        """Return the address at which the provider would deliver."""
        return f"{self.url(ports)}/webhooks/{self.provider}"


def gateways(places: Places) -> tuple[Gateway, ...]:
    """Return a gateway for each provider; raise StackError if the generated list is absent or longer than the ports."""
    file = places.repository / "generated" / "gateways.json"
    try:
        declared = json.loads(file.read_text())["gateways"]
    except FileNotFoundError:
        raise StackError(f"{file} does not exist: run `make codegen`.") from None
    titles = {each["provider"]: each["title"] for each in declared}
    if len(titles) > len(GATEWAYS):
        raise StackError(
            f"The contracts have {len(titles)} providers, and there are ports for {len(GATEWAYS)} gateways: "
            "add one to stack/ports.py."
        )
    known = [provider for provider in FIRST if provider in titles]
    names = (*known, *sorted(titles.keys() - set(known)))
    return tuple(Gateway(name, titles[name], port) for name, port in zip(names, GATEWAYS, strict=False))
