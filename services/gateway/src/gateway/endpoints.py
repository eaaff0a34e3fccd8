"""The secrets of an endpoint of a provider that signs with keys of its own."""

import math
from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

from gateway.secrets import EndpointSecret
from gateway.verdict import Authentic

Key = TypeVar("Key")


class Endpoint(NamedTuple, Generic[Key]):
    """A secret as it is used: the text that may be signed with a body, or the public key itself."""

    text: str
    key: Key | None
    verdict: Authentic
    not_before: float
    not_after: float

    def is_active(self, now: float) -> bool:
        """Tell whether its time is now."""
        return self.not_before <= now < self.not_after


def endpoints_of(
    secrets: Iterable[EndpointSecret], key_of: Callable[[EndpointSecret], Key] | None
) -> tuple[Endpoint[Key], ...]:
    """Return secrets as they are used; `key_of` reads the key that a secret is, None where the keys are elsewhere."""
    return tuple(
        Endpoint(
            each.key,
            None if key_of is None else key_of(each),
            Authentic(each.id, each.merchant_id, each.livemode),
            -math.inf if each.not_before is None else each.not_before.timestamp(),
            math.inf if each.not_after is None else each.not_after.timestamp(),
        )
        for each in secrets
    )
