"""What the simulator reads from the environment."""

from typing import Annotated

from kit.settings import LogSettings
from pydantic import BaseModel, ConfigDict, Field, SecretStr


class EndpointSecret(BaseModel):
    """A secret with which a provider may sign, and the merchant of events that name none themselves."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    id: str
    secret: SecretStr
    merchant_id: str


class SimulatorSettings(LogSettings):
    """Settings of the simulator. It signs with the first of the endpoint's secrets."""

    webhook_secrets: Annotated[tuple[EndpointSecret, ...], Field(min_length=1)]
