"""What every command needs, made from the settings."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from stack import java, secrets
from stack.context import Context
from stack.gateways import gateways
from stack.places import Places
from stack.ports import Ports
from stack.settings import Settings
from stack.supervision import Supervisor
from stack.tools.catalogue import toolbox


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the `stack` command."""

    settings: Settings
    console: Console

    @property
    def places(self) -> Places:
        """The directories of this stack."""
        return self.settings.places()

    @property
    def ports(self) -> Ports:
        """The ports of this stack."""
        return Ports.with_offset(self.settings.port_offset)

    @property
    def supervisor(self) -> Supervisor:
        """The supervisor of this stack, whether or not it runs."""
        return Supervisor(self.places)

    def java_home(self) -> Path:
        """Return the JDK; raise StackError if there is none."""
        return java.find_jdk(java.candidates())

    def secrets(self) -> secrets.Secrets:
        """Return this stack's secrets, made at the first use."""
        return secrets.load(self.places.secrets, [gateway.provider for gateway in gateways(self.places)])

    def context(self) -> Context:
        """Return what the definitions of processes are made from."""
        home = self.java_home()
        store = self.settings.object_store
        return Context(
            self.places,
            self.ports,
            self.secrets(),
            toolbox(self.places, home, store),
            home,
            store,
            self.settings.inference_latency_ms,
            self.settings.otlp_endpoint,
        )
