"""What the gateway reads from the environment."""

from pathlib import Path
from typing import Annotated

from kit.settings import HttpSettings, KafkaSettings, LogSettings, RegistrySettings
from kit.tracing import TracingSettings
from payments_contracts.providers import PROVIDERS
from pydantic import AwareDatetime, Field, ValidationInfo, field_validator

from gateway.secrets import EndpointSecrets

_LOOPBACK = r"^http://(127\.0\.0\.1|localhost|\[::1\]):[0-9]{1,5}/?$"


class GatewaySettings(HttpSettings, KafkaSettings, RegistrySettings, LogSettings, TracingSettings):
    """Settings of one gateway.

    Args:
        gateway_provider: Whose webhooks it receives, as in contracts/providers.
        webhook_secrets_file: A file with the endpoint's secrets, which is read again whenever it changes.
        webhook_secrets: Or the secrets themselves, as a JSON list; any of them may have signed while its time is.
        notification_url: The endpoint's public address, to the letter as it is set at the provider; needed where the
            provider signs it (`{url}` in its contract).
        acknowledgement_deadline_seconds: How long Kafka may take; beyond it the provider is asked to send again.
        request_timeout_seconds: How long a request may take to arrive.
        max_header_bytes: Most bytes of a request's headers.
        max_concurrent_requests: Most webhooks under way; the provider is asked to send any more again.
        certificate_roots_file: Where the chains of a provider's certificates may end, in PEM; all that servers are
            trusted by where it is absent.
        key_server_url: A server on this machine that is asked for certificates and keys in the place of the provider's,
            where there is no way to those: `simulator keys` is one.
        replay_until: Until when events are taken that are older than the provider's contract allows, in ISO 8601 with
            a time zone; for when old events are sent again on purpose.
    """

    gateway_provider: str
    webhook_secrets_file: Path | None = None
    webhook_secrets: Annotated[EndpointSecrets | None, Field(validate_default=True)] = None
    notification_url: Annotated[str | None, Field(pattern=r"^https?://[^\s{}]+$", validate_default=True)] = None
    acknowledgement_deadline_seconds: Annotated[float, Field(gt=0, le=30)] = 5.0
    request_timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 15.0
    max_header_bytes: Annotated[int, Field(ge=4096, le=1_048_576)] = 32_768
    max_concurrent_requests: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    certificate_roots_file: Path | None = None
    key_server_url: Annotated[str | None, Field(pattern=_LOOPBACK)] = None
    replay_until: AwareDatetime | None = None

    @field_validator("gateway_provider")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in PROVIDERS:
            raise ValueError(f"the contracts know no such provider; they know {', '.join(sorted(PROVIDERS))}")
        return name

    @field_validator("webhook_secrets")
    @classmethod
    def _come_from_one_place(cls, secrets: EndpointSecrets | None, info: ValidationInfo) -> EndpointSecrets | None:
        # The file is absent here where it was refused itself.
        file = info.data.get("webhook_secrets_file", Path())
        if secrets is None and file is None:
            raise ValueError("set it, or WEBHOOK_SECRETS_FILE")
        if secrets is not None and file is not None:
            raise ValueError("WEBHOOK_SECRETS_FILE is set, too; set one of them")
        return secrets

    @field_validator("notification_url")
    @classmethod
    def _is_there_where_it_is_signed(cls, url: str | None, info: ValidationInfo) -> str | None:
        # The provider is absent here where it was refused itself.
        provider = PROVIDERS.get(info.data.get("gateway_provider", ""))
        if url is None and provider is not None and provider.signature.covers_url:
            raise ValueError(f"{provider.title} signs it; set the endpoint's address as it is set at {provider.title}")
        return url
