"""What of a record is shown to who looks into the pipeline without asking for more."""

import json
from collections.abc import Mapping
from typing import Any, Final

PERSONAL: Final = frozenset(
    {
        *("payload", "headers", "metadata", "customer_id", "card_last_four", "payment_method_id"),
        "failure_message",
    }
)
"""Fields of records that hold, or may hold, what is about a person, or a secret."""


def bare(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record without what may be about a person: of such a field it is told how much there is."""
    return {name: size(value) if name in PERSONAL else value for name, value in record.items()}


def size(value: Any) -> str | None:
    """Return how much there is of a value, in words."""
    match value:
        case None:
            return None
        case bytes():
            return f"({len(value)} bytes)"
        case Mapping():
            return f"({len(value)} entries)"
    return f"({len(str(value))} characters)"


def printable(text: str) -> str:
    """Return a text as one line, in which what a terminal would act on is written as JSON writes it."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in text)
