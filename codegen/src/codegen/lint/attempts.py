"""Rules on what attempts are attempts at: the order that a provider names is found, in an event and in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.database import IndexColumn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.findings import Finding
    from codegen.model import Catalog, Provider


def unfound(catalog: Catalog) -> Iterator[Finding]:
    """Yield keys of orders that no event has, or that no index of the database finds."""
    sought = {index.columns for table in catalog.database for index in table.indexes}
    for provider in catalog.providers:
        key = None if provider.attempts is None else provider.attempts.key
        if key is None:
            continue
        if not _told(provider, key):
            message = f"no example of a failed payment or charge has {key!r} in its metadata"
            hint = "name a key that the rest has, with an example"
            yield provider.source.finding("attempts", ("attempts", "key"), message, hint)
        if (IndexColumn("provider", "ascending"), IndexColumn("metadata", "ascending", key)) not in sought:
            message = f"no table of the database has an index on provider and metadata[{key}]"
            hint = "add one in database/: orders are looked up by it"
            yield provider.source.finding("attempts", ("attempts", "key"), message, hint)


def _told(provider: Provider, key: str) -> bool:
    events = (example.event for example in provider.examples if example.event is not None)
    return any(
        event.get("event_type") in {"payment.failed", "charge.failed"} and event.get("metadata", {}).get(key)
        for event in events
    )
