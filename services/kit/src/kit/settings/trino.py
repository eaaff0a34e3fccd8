"""Where Trino is, and how a client comes in."""

from typing import Self

from pydantic import Field, FilePath, SecretStr, model_validator

from kit.connection import Endpoint, Tls
from kit.settings.environment import EnvironmentSettings

TRINO_TLS = "TRINO_TLS"


class TrinoSettings(EnvironmentSettings):
    """How to reach Trino; the variables and what they are unless set are those of dbt/profiles.yml."""

    trino_host: str = "127.0.0.1"
    trino_port: int = Field(default=18080, ge=1, le=65535)
    trino_user: str = "payments"
    trino_catalog: str = Field(default="lake", pattern=r"^[a-z][a-z0-9_]*$", description="Catalog of the layers.")
    trino_tls: bool = Field(default=False, description="Whether the port speaks TLS.")
    trino_tls_ca_file: FilePath | None = Field(
        default=None, description="Authorities (PEM) that sign Trino's certificate; those of certifi unless set."
    )
    trino_password: SecretStr | None = Field(default=None, min_length=1, description="Sent over TLS only.")

    @model_validator(mode="after")
    def _is_encrypted(self) -> Self:
        if not self.trino_tls and self.trino_password is not None:
            raise ValueError("TRINO_PASSWORD would be readable on the network: set TRINO_TLS to true")
        if not self.trino_tls and self.trino_tls_ca_file is not None:
            raise ValueError("TRINO_TLS_CA_FILE is used only where TRINO_TLS is true")
        return self

    @property
    def trino(self) -> Endpoint:
        """Where Trino is, with what this client needs to come in."""
        url = f"{'https' if self.trino_tls else 'http'}://{self.trino_host}:{self.trino_port}"
        return Endpoint(url, Tls(TRINO_TLS, self.trino_tls_ca_file), self.trino_user, self.trino_password)
