"""What the simulator reads from the environment."""

from typing import Annotated

from kit.settings import EnvironmentSettings
from pydantic import BaseModel, ConfigDict, Field, SecretStr


class EndpointSecret(BaseModel):
    """A secret with which a provider may sign, and the merchant of events that name none themselves."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    id: str
    secret: SecretStr
    merchant_id: str


class EndpointSettings(EnvironmentSettings):
    """What is known of a provider's endpoint; the variables begin with GATEWAY_<PROVIDER>_.

    Args:
        secrets: The endpoint's secrets, as a JSON list; the first one signs.
        url: Where the gateway is.
        notification_url: The endpoint's address as the provider knows it; by default where webhooks are sent to.
    """

    secrets: Annotated[tuple[EndpointSecret, ...], Field(min_length=1)]
    url: str | None = None
    notification_url: str | None = None
