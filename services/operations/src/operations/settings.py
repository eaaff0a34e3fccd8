"""Where the `payments` command finds the servers."""

from kit.settings import (
    EnvironmentSettings,
    KafkaSettings,
    LakeSettings,
    RegistrySettings,
    TemporalSecuritySettings,
    TrinoSettings,
)
from payments_contracts.topics import topics_of
from pydantic import Field, SecretStr, field_validator


class DatabaseSettings(EnvironmentSettings):
    """Address of the operational database, by a role that may create tables; services need one that may insert."""

    postgres_dsn: SecretStr = Field(min_length=1)


class OperationsSettings(KafkaSettings, RegistrySettings, LakeSettings, TrinoSettings):
    """Addresses of the servers.

    Without `postgres_dsn` the operational database is not looked at.
    """

    dagster_url: str
    topics_most_replicas: int | None = Field(
        default=None, ge=1, description="Brokers of a cluster that has fewer than the contracts ask copies for."
    )
    postgres_dsn: SecretStr | None = None


class RecoverySettings(OperationsSettings, TemporalSecuritySettings):
    """Addresses for redriving: `postgres_dsn` of a role that may insert into recovery_actions and read payment_events.

    `temporal_http_url` is the HTTP API of Temporal's frontend; without it workflows are neither looked for nor started.
    """

    postgres_dsn: SecretStr = Field(min_length=1)
    temporal_http_url: str | None = Field(default=None, pattern=r"^https?://")
    temporal_namespace: str = "payments"


class ProvidersSettings(EnvironmentSettings):
    """Whose webhooks this installation receives: names with commas between them; empty for all of the contracts."""

    gateway_providers: str = ""

    @field_validator("gateway_providers")
    @classmethod
    def _are_known(cls, names: str) -> str:
        topics_of(names)
        return names
