"""Time as an argument."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present time, with a time zone."""


def utc_now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)
