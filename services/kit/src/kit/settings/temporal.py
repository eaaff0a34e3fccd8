"""How a client comes in at Temporal."""

from typing import Self

from pydantic import Field, FilePath, SecretStr, model_validator

from kit.connection import Endpoint, Tls
from kit.settings.environment import EnvironmentSettings

TEMPORAL_TLS = "TEMPORAL_TLS"


class TemporalSecuritySettings(EnvironmentSettings):
    """How clients of Temporal's frontend come in, by gRPC and by HTTP; nothing need be set where it asks nobody."""

    temporal_tls: bool = Field(default=False, description="Whether the frontend's gRPC port speaks TLS.")
    temporal_tls_ca_file: FilePath | None = Field(
        default=None, description="Authorities (PEM) that sign the frontend's certificate; the system's unless set."
    )
    temporal_tls_certificate_file: FilePath | None = Field(
        default=None, description="Certificate (PEM) that says who this client is."
    )
    temporal_tls_key_file: FilePath | None = Field(default=None, description="Its key (PEM).")
    temporal_tls_server_name: str | None = Field(
        default=None, min_length=1, description="The name in the frontend's certificate, where it is not the address."
    )
    temporal_api_key: SecretStr | None = Field(
        default=None, min_length=1, description="Sent as `Authorization: Bearer`: Temporal Cloud's key, or a JWT."
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.temporal_tls_certificate_file is None) != (self.temporal_tls_key_file is None):
            raise ValueError("TEMPORAL_TLS_CERTIFICATE_FILE and TEMPORAL_TLS_KEY_FILE must be set together")
        if not self.temporal_tls and (self.temporal_tls_server_name or self.temporal_tls_certificate_file):
            raise ValueError("certificates are used only where TEMPORAL_TLS is true")
        if not self.temporal_tls and self.temporal_api_key is not None:
            raise ValueError("TEMPORAL_API_KEY would be readable on the network: set TEMPORAL_TLS to true")
        return self

    def temporal_http(self, url: str) -> Endpoint:
        """Return the frontend's HTTP API at an address, with what this client needs to come in."""
        tls = Tls(
            TEMPORAL_TLS,
            self.temporal_tls_ca_file,
            self.temporal_tls_certificate_file,
            self.temporal_tls_key_file,
        )
        return Endpoint(url, tls, token=self.temporal_api_key)
