"""A body to send, and the material that bodies are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Literal

import orjson
from simulator.places import find
from simulator.variation import renew_ids

if TYPE_CHECKING:
    from collections.abc import Mapping

    from payments_contracts.providers import Envelope, Path, Source

Claim = Literal["malformed", "sound", "either"]
"""What the maker of a body knows of it: `either` leaves the verdict to the oracle alone."""

# Young enough for every provider's contract.
_RECENT = timedelta(days=1)
JSON_HEADERS = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Draft:
    """What a maker makes: bytes, what it claims of them, and the headers that they are sent with."""

    content: bytes
    claim: Claim = "malformed"
    headers: Mapping[str, str] = field(default_factory=lambda: JSON_HEADERS)


@dataclass(frozen=True, slots=True)
class Body:
    """A body of a kind. `is_chunked` says that it is sent without its length."""

    kind: str
    content: bytes
    claim: Claim
    headers: Mapping[str, str]
    is_chunked: bool


@dataclass(frozen=True, slots=True)
class Material:
    """What bodies for one receiver are made of: what it lets in, where its contract looks for what, and the time."""

    name: str
    places: Envelope
    events: tuple[bytes, ...]
    now: datetime

    def event(self, dice: Random) -> dict[str, Any]:
        """Return a sound event that nobody has seen, with a few bytes more that make it one of its kind."""
        content: dict[str, Any] = orjson.loads(renew_ids(dice.choice(self.events), dice))
        path = plain(self.places.event_id)
        put(content, path, f"{find(content, path)}_{dice.getrandbits(64):x}")
        date(content, plain(self.places.created_at), self.now - dice.random() * _RECENT)
        return content

    def text(self, dice: Random) -> bytes:
        """Return such an event as it is written."""
        return orjson.dumps(self.event(dice))


Maker = Callable[[Material, Random], Draft]


def plain(source: Source) -> Path:
    """Return a source that is one place of the body."""
    assert isinstance(source, tuple), source
    return source


def date(content: dict[str, Any], path: Path, moment: datetime) -> None:
    """Put a time at a path, written as the time that stands there: a number of seconds, or ISO 8601."""
    in_seconds = isinstance(find(content, path), int)
    put(content, path, int(moment.timestamp()) if in_seconds else moment.isoformat(timespec="milliseconds"))


def put(content: Any, path: Path, value: Any) -> None:
    """Put a value at a path; what stands in the way is replaced."""
    for key in path[:-1]:
        inner = content.get(key)
        if not isinstance(inner, dict):
            inner = content[key] = {}
        content = inner
    content[path[-1]] = value


def remove(content: Any, path: Path) -> None:
    """Remove what stands at a path, if anything does."""
    outer = find(content, path[:-1])
    if isinstance(outer, dict):
        outer.pop(path[-1], None)


def replaced(event: dict[str, Any], path: Path, text: bytes) -> bytes:
    """Return an event as JSON with some bytes, JSON or not, in the place of the value at a path."""
    mark = "here-stands-what-is-no-value"
    put(event, path, mark)
    return orjson.dumps(event).replace(f'"{mark}"'.encode(), text)
