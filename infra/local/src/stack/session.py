"""What every command needs, made from the settings."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from stack import java, secrets
from stack.context import Context
from stack.errors import StackError
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
        """Return what the definitions of processes are made from.

        Raises:
            StackError: There is no JDK, or the state has a Kafka of another number of brokers than is asked for.
        """
        asked, there = self.settings.kafka_brokers, self.places.brokers
        if asked is not None and int(asked) != there:
            raise StackError(
                f"Kafka in {self.places.state} was made of {there} broker{'s' * (there > 1)}, not of {asked}, and "
                "keeps that number: start it without KAFKA_BROKERS or PROFILE, name another directory by "
                "PAYMENTS_STATE_DIR, or delete this one by `make down clean-state`."
            )
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
            self.settings.openlineage_url,
        )
