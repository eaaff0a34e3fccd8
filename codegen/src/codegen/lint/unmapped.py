"""A rule on event types that are left unmapped on purpose: a reason is no cover for what is mapped or new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.unmapped import patterns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.findings import Finding
    from codegen.model import Catalog


def contradicted(catalog: Catalog) -> Iterator[Finding]:
    """Yield patterns that cover an event type which a group maps, or that a wider pattern covers."""
    for provider in catalog.providers:
        covering: dict[str, list[str]] = {}
        for event in sorted(provider.accepted_event_types):
            for pattern in patterns(event):
                covering.setdefault(pattern, []).append(event)
        for pattern in provider.unmapped:
            place = ("unmapped", pattern)
            if pattern in covering:
                message = f"{pattern} is said to be unmapped, and a group maps {', '.join(covering[pattern])}"
                hint = "remove it, or name those of its event types that are not mapped"
                yield provider.source.finding("unmapped", place, message, hint)
            wider = next((each for each in patterns(pattern) if each != pattern and each in provider.unmapped), None)
            if wider is not None:
                message = f"{pattern} is covered by {wider}, which has a reason of its own"
                yield provider.source.finding("unmapped", place, message, "leave one of the two")
