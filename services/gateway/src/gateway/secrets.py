"""Secrets of the endpoint at which a provider delivers its webhooks."""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, StrictBool, model_validator

Text = Annotated[str, Field(min_length=1)]


def _is_not_blank(secret: SecretStr) -> SecretStr:
    # Whoever forgets to fill one in must not end up with a key that everybody knows.
    if not secret.get_secret_value().strip():
        raise ValueError("a secret is not blank")
    return secret


class EndpointSecret(BaseModel):
    """A secret that may sign webhooks.

    Args:
        id: Name under which logs and metrics tell which secret was used.
        secret: The secret as the provider shows it.
        merchant_id: Merchant of events that name none themselves.
        livemode: Whether real money is meant by events that do not say so themselves.
        not_before: From when on it may sign, in ISO 8601 with a time zone; at any time where it is absent.
        not_after: Until when it may sign, likewise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: Text
    secret: Annotated[SecretStr, AfterValidator(_is_not_blank)]
    merchant_id: Text
    livemode: StrictBool = True
    not_before: AwareDatetime | None = None
    not_after: AwareDatetime | None = None

    @model_validator(mode="after")
    def _has_a_time(self) -> Self:
        if self.not_before is not None and self.not_after is not None and self.not_before >= self.not_after:
            raise ValueError("not_before has to be earlier than not_after")
        return self


def _have_distinct_ids(secrets: Sequence[EndpointSecret]) -> Sequence[EndpointSecret]:
    if len({secret.id for secret in secrets}) != len(secrets):
        raise ValueError("two secrets have the same id")
    return secrets


EndpointSecrets = Annotated[tuple[EndpointSecret, ...], Field(min_length=1), AfterValidator(_have_distinct_ids)]
"""The secrets of an endpoint: any of them may have signed, if its time has come and is not over."""
