"""What the gateway reads from the environment."""

from collections.abc import Sequence
from typing import Annotated

from kit.settings import HttpSettings, KafkaSettings, LogSettings, RegistrySettings
from payments_contracts.providers import PROVIDERS
from pydantic import Field, field_validator

from gateway.secrets import EndpointSecret


class GatewaySettings(HttpSettings, KafkaSettings, RegistrySettings, LogSettings):
    """Settings of one gateway.

    Args:
        gateway_provider: Whose webhooks it receives, as in contracts/providers.
        webhook_secrets: Active secrets of the endpoint, as a JSON list; any of them may have signed.
        acknowledgement_deadline_seconds: How long Kafka may take; beyond it the provider is asked to send again.
    """

    gateway_provider: str
    webhook_secrets: Annotated[tuple[EndpointSecret, ...], Field(min_length=1)]
    acknowledgement_deadline_seconds: Annotated[float, Field(gt=0, le=30)] = 5.0

    @field_validator("gateway_provider")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in PROVIDERS:
            raise ValueError(f"the contracts know no such provider; they know {', '.join(sorted(PROVIDERS))}")
        return name

    @field_validator("webhook_secrets")
    @classmethod
    def _have_distinct_ids(cls, secrets: Sequence[EndpointSecret]) -> Sequence[EndpointSecret]:
        if len({secret.id for secret in secrets}) != len(secrets):
            raise ValueError("two secrets have the same id")
        return secrets
