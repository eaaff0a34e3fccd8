"""Secrets of the endpoint at which a provider delivers its webhooks."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Text = Annotated[str, Field(min_length=1)]


class EndpointSecret(BaseModel):
    """A secret that may sign webhooks.

    Args:
        id: Name under which logs and metrics tell which secret was used.
        secret: The secret as the provider shows it.
        merchant_id: Merchant of events that name none themselves.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: Text
    secret: Annotated[SecretStr, Field(min_length=1)]
    merchant_id: Text
