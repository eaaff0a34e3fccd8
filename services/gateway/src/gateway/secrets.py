"""Secrets of the endpoint at which a provider delivers its webhooks."""

import string
from collections.abc import Iterable, Sequence
from typing import Annotated, Final, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, StrictBool, model_validator

# What editors, shells and consoles leave around a text that is copied: a newline at its end, a byte order mark before.
_AROUND: Final = string.whitespace + "\u00a0\u2003\ufeff\u200b"


def _trimmed(text: str) -> str:
    return text.strip(_AROUND)


def _filled(text: str) -> str:
    if not (trimmed := _trimmed(text)):
        raise ValueError("it is blank")
    return trimmed


Text = Annotated[str, AfterValidator(_filled)]


def _is_not_blank(secret: SecretStr) -> SecretStr:
    # Whoever forgets to fill one in must not end up with a key that everybody knows.
    if not _trimmed(secret.get_secret_value()).strip():
        raise ValueError("a secret is not blank")
    return secret


class EndpointSecret(BaseModel):
    """A secret that may sign webhooks.

    Args:
        id: Name under which logs and metrics tell which secret was used.
        secret: The secret as the provider shows it; what is around it that cannot be seen is not part of it.
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

    @property
    def key(self) -> str:
        """Return the secret without what cannot be seen around it."""
        return _trimmed(self.secret.get_secret_value())

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


def with_blanks(secrets: Iterable[EndpointSecret]) -> list[str]:
    """Return the ids of secrets around which something was cut off, so that people can be told."""
    return [each.id for each in secrets if each.key != each.secret.get_secret_value()]
