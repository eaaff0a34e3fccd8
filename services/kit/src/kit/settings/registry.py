"""Where the Schema Registry is, and how a client comes in."""

from typing import Self

from pydantic import Field, FilePath, SecretStr, model_validator

from kit.connection import Endpoint, Tls
from kit.settings.environment import EnvironmentSettings

REGISTRY_TLS = "SCHEMA_REGISTRY_TLS"


class RegistrySettings(EnvironmentSettings):
    """Where the Schema Registry is; user and password where it asks for them (HTTP Basic)."""

    schema_registry_url: str = Field(pattern=r"^https?://", description="Base URL of the Confluent API.")
    schema_registry_username: str | None = Field(default=None, pattern=r"^[^:]+$")
    schema_registry_password: SecretStr | None = Field(default=None, min_length=1)
    schema_registry_tls_ca_file: FilePath | None = Field(
        default=None, description="Authorities (PEM) that sign the registry's certificate; the system's unless set."
    )

    @model_validator(mode="after")
    def _has_both(self) -> Self:
        if (self.schema_registry_username is None) != (self.schema_registry_password is None):
            raise ValueError("SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD must be set together")
        return self

    @property
    def registry(self) -> Endpoint:
        """Where the registry is, with what this client needs to come in."""
        return Endpoint(
            self.schema_registry_url,
            Tls(REGISTRY_TLS, self.schema_registry_tls_ca_file),
            self.schema_registry_username,
            self.schema_registry_password,
        )
