"""Event types that a provider leaves unmapped on purpose: by name, or with `.*` all that begin alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def patterns(event_type: str) -> Iterator[str]:
    """Yield every pattern that covers an event type, the closest first: `a.b.c`, `a.b.*`, `a.*`.

    A pattern `a.b.*` itself is covered by the wider ones: by itself, then by `a.*`.
    """
    yield event_type
    steps = event_type.removesuffix(".*").split(".")
    first = len(steps) - 1
    yield from (f"{'.'.join(steps[:count])}.*" for count in range(first, 0, -1))


def reason(unmapped: Mapping[str, str], event_type: str) -> str | None:
    """Return why an event type is left unmapped; None where nothing says so."""
    return next((unmapped[each] for each in patterns(event_type) if each in unmapped), None)
