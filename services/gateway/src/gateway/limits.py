"""What a request may take."""

from collections.abc import Callable
from typing import NamedTuple

from gateway.errors import RequestReason


class Limits(NamedTuple):
    """What a request may take.

    Args:
        header_bytes: The path, and names and values of all headers.
        request_seconds: From a request's first byte, or a connection's beginning, until all of it is there.
        idle_seconds: How long a connection without request stays open, and how long one whose answers nobody reads.
    """

    header_bytes: int = 32_768
    request_seconds: float = 15.0
    idle_seconds: int = 60


OnRefusal = Callable[[RequestReason], None]
"""Takes the reason code of a request that was refused before it became one."""
