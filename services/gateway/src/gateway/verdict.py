"""The good verdict on a signature; the bad ones are in `gateway.errors`."""

from typing import NamedTuple


class Authentic(NamedTuple):
    """The provider signed the body; `merchant_id` is the merchant that the secret belongs to."""

    secret_id: str
    merchant_id: str
