"""What the gateway reads from the environment."""

from collections.abc import Sequence
from typing import Annotated

from kit.settings import HttpSettings, KafkaSettings, LogSettings, RegistrySettings
from payments_contracts.providers import PROVIDERS
from pydantic import Field, ValidationInfo, field_validator

from gateway.secrets import EndpointSecret


class GatewaySettings(HttpSettings, KafkaSettings, RegistrySettings, LogSettings):
    """Settings of one gateway.

    Args:
        gateway_provider: Whose webhooks it receives, as in contracts/providers.
        webhook_secrets: Active secrets of the endpoint, as a JSON list; any of them may have signed.
        notification_url: The endpoint's public address, to the letter as it is set at the provider; needed where the
            provider signs it (`{url}` in its contract).
        acknowledgement_deadline_seconds: How long Kafka may take; beyond it the provider is asked to send again.
    """

    gateway_provider: str
    webhook_secrets: Annotated[tuple[EndpointSecret, ...], Field(min_length=1)]
    notification_url: Annotated[str | None, Field(pattern=r"^https?://[^\s{}]+$", validate_default=True)] = None
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

    @field_validator("notification_url")
    @classmethod
    def _is_there_where_it_is_signed(cls, url: str | None, info: ValidationInfo) -> str | None:
        # The provider is absent here where it was refused itself.
        provider = PROVIDERS.get(info.data.get("gateway_provider", ""))
        if url is None and provider is not None and provider.signature.covers_url:
            raise ValueError(f"{provider.title} signs it; set the endpoint's address as it is set at {provider.title}")
        return url
