"""What people type in as an id, and the forms in which it may be stored."""

import uuid
from typing import Final

SHORTEST: Final = 8
"""Characters of the shortest id whose bytes are looked for in records: shorter ones stand in nearly all of them."""


def checked(typed: str) -> str:
    """Return an id without the spaces around it.

    Raises:
        ValueError: It can be nobody's; says why.
    """
    wanted = typed.strip()
    if not wanted:
        raise ValueError("an id has at least one character")
    for place, character in enumerate(wanted):
        if not character.isprintable():
            raise ValueError(f"an id has no control characters: there is U+{ord(character):04X} at {place}")
    return wanted


def event_id_of(wanted: str) -> str | None:
    """Return an id as ids of events are written; None where it cannot be one.

    The id of a trace, which logs and spans have, is an event's without its dashes.
    """
    try:
        return str(uuid.UUID(wanted))
    except ValueError:
        return None


def forms(wanted: str) -> list[str]:
    """Return an id as it may be stored, once each: as that of an event, and as it is, for the ids of providers."""
    event_id = event_id_of(wanted)
    return [wanted] if event_id is None else list(dict.fromkeys((event_id, wanted)))
