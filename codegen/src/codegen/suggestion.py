"""What somebody who mistyped a name probably meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


def closest(name: object, known: Iterable[Any]) -> str | None:
    """Return the known name that is closest to one; None where none is close."""
    close = difflib.get_close_matches(str(name), [str(each) for each in known if str(each) != str(name)], n=1)
    return close[0] if close else None


def meant(name: object, known: Iterable[Any]) -> str:
    """Return the known name that is closest to one, as the end of a sentence; empty where none is close."""
    close = closest(name, known)
    return f" (did you mean {close}?)" if close else ""
