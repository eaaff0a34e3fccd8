"""What the console is told of its surroundings."""

from collections.abc import Mapping
from typing import Any, Final

from kit.settings import HttpSettings, LogSettings
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from operations.settings import RecoverySettings
from operations.trace.command import TraceSettings
from operations.watch.command import PartsSettings

_LOOPBACK: Final = ("127.0.0.1", "localhost")
LEAST_TOKEN: Final = 16
"""Characters that a token has at least."""


class ConsoleSettings(PartsSettings, HttpSettings, LogSettings):
    """Addresses of all parts. Those that are not set are not shown; without Prometheus there is no latency."""

    flink_url: str | None = Field(default=None, pattern=r"^https?://")
    prometheus_url: str | None = Field(default=None, pattern=r"^https?://")
    alertmanager_url: str | None = Field(default=None, pattern=r"^https?://")
    console_programs: str = Field(
        default="", description="Programs that answer at /readyz: name=http://host:port, with commas between."
    )
    console_hosts: str = Field(
        default="", description="Names by which a browser may reach it beside loopback, with commas between."
    )
    console_token: SecretStr | None = Field(
        default=None, min_length=LEAST_TOKEN, description="Who knows it may try and redrive; nobody may without one."
    )

    @field_validator("console_programs")
    @classmethod
    def _are_named(cls, text: str) -> str:
        if any(not name or not url.startswith(("http://", "https://")) for name, _, url in _pairs(text)):
            raise ValueError("it has to be name=http://host:port, with commas between")
        return text

    @property
    def programs(self) -> Mapping[str, str]:
        """The address of each program by its name."""
        return {name: url.rstrip("/") for name, _, url in _pairs(self.console_programs)}

    @property
    def hosts(self) -> list[str]:
        """The names in the Host header that are answered."""
        return [*_LOOPBACK, *(each.strip() for each in self.console_hosts.split(",") if each.strip())]

    @property
    def tracing(self) -> TraceSettings:
        """The same addresses as a trace takes them."""
        return TraceSettings(**self._shared(TraceSettings))

    @property
    def recovery(self) -> RecoverySettings:
        """The same addresses as the recovery takes them."""
        return RecoverySettings(**self._shared(RecoverySettings))

    def _shared(self, kind: type[BaseSettings]) -> dict[str, Any]:
        return {name: getattr(self, name) for name in kind.model_fields if name in type(self).model_fields}


def _pairs(text: str) -> list[tuple[str, str, str]]:
    return [each.strip().partition("=") for each in text.split(",") if each.strip()]
