"""A rule on the rest of a payload: what readers find there stays, until they have moved to the field that took it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.compat.breakage import Breakage, broken
from codegen.language.model import taken
from codegen.payload import leaves, rests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.language.model import Group, Path
    from codegen.model import Catalog, Provider


def mapped(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield fields of a payload that were in the rest, and are mapped to a field of their own instead."""
    earlier = {provider.name: provider for provider in old.providers}
    for provider in new.providers:
        if provider.name not in earlier:
            continue
        groups = {event: group for group in earlier[provider.name].mapping.groups for event in group.events}
        for index, group in enumerate(provider.mapping.groups):
            lost: dict[tuple[str, str, str, Path], list[str]] = {}
            for event in group.events:
                if event in groups:
                    for found in _lost((earlier[provider.name], groups[event]), (provider, group)):
                        lost.setdefault(found, []).append(event)
            for (field, key, taker, path), events in lost.items():
                before = groups[events[0]].fields.get(taker)
                changed = taker if before != group.fields[taker] else field
                message = f"{field} of {', '.join(events)} no longer holds {key}, which is in {taker} alone now"
                hint = (
                    f"write `keep: [{path}]` beside the path of the rest; once its readers have moved to {taker}, "
                    "remove that and accept this rule"
                )
                concern = ("mapping", provider.name, events[0], changed)
                yield broken(concern, provider.mapping_source, ("groups", index, "fields", field), message, hint)


def _lost(before: tuple[Provider, Group], after: tuple[Provider, Group]) -> Iterator[tuple[str, str, str, Path]]:
    """Yield the field of each rest, what it no longer holds, the field that has it now, and its path."""
    takers = {path: name for name, field in after[1].fields.items() for path in taken(field)}
    held = _keys(*after)
    for (field, key), path in _keys(*before).items():
        if (field, key) not in held and path in takers:
            yield field, key, takers[path], path


def _keys(provider: Provider, group: Group) -> dict[tuple[str, str], Path]:
    return {
        (field, leaf.key): leaf.path
        for field, expression in group.fields.items()
        for rest in rests(expression)
        for leaf in leaves(provider.payload, group, rest)
    }
