"""A rule on the keys of a rest: two values under one key are one value that is lost."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from codegen.language.model import LeafKind
from codegen.payload import free_maps, leaves, rests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.findings import Finding
    from codegen.language.model import Leaf, Path
    from codegen.model import Catalog


def shared(catalog: Catalog) -> Iterator[Finding]:
    """Yield values of a payload that a rest keeps under one key, or that may have a key of a map beside them."""
    for provider in catalog.providers:
        for index, group in enumerate(provider.mapping.groups):
            if group.payload not in provider.payload.schemas:
                continue
            for name, expression in group.fields.items():
                for rest in rests(expression):
                    for one, other in combinations(leaves(provider.payload, group, rest), 2):
                        key = _shared(one, other)
                        if key is not None:
                            message = f"{name}: {one.path} and {other.path} may both have the key {key!r}"
                            hint = "map one of the two to a field, or leave it out of payload.openapi.yaml"
                            place = group.place(index, name)
                            yield provider.mapping_source.finding("rest-key", place, message, hint)


def free(catalog: Catalog) -> Iterator[Finding]:
    """Yield maps of free keys below a rest that no list of a provider restricts, and lists for what is no such map."""
    for provider in catalog.providers:
        found: set[Path] = set()
        for index, group in enumerate(provider.mapping.groups):
            if group.payload not in provider.payload.schemas:
                continue
            for name, expression in group.fields.items():
                for path in (path for rest in rests(expression) for path in free_maps(provider.payload, group, rest)):
                    found.add(path)
                    if path not in provider.payload.merchant_maps:
                        message = f"{name}: {path} has keys that nobody declared, and stays in the raw event"
                        hint = "name it and the keys that may pass under merchant_metadata in provider.yaml, or tag it"
                        place = group.place(index, name)
                        yield provider.mapping_source.finding("free-keys", place, message, hint)
        for index, path in enumerate(provider.payload.merchant_maps):
            if path not in found:
                message = f"{path} is not a map of free keys that a rest takes"
                place = ("merchant_metadata", "paths", index)
                yield provider.source.finding("free-keys", place, message, "remove it, or correct the path")


def _shared(one: Leaf, other: Leaf) -> str | None:
    """Return a key that two values may both have; None where there is none."""
    if one.key == other.key and one.path != other.path:
        return one.key
    for holder, inner in ((one, other), (other, one)):
        # A map may have an entry for any key: a merchant's own list may allow it.
        if holder.kind is LeafKind.MAP and inner.key.startswith(f"{holder.key}."):
            return inner.key
    return None
