"""The good verdict on a signature; the bad ones are in `gateway.errors`."""

from typing import NamedTuple


class Authentic(NamedTuple):
    """The provider signed the body; `merchant_id` and `livemode` are those that the secret is set to."""

    secret_id: str
    merchant_id: str
    livemode: bool = True
