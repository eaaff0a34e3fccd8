"""A rule on lookups: a value that one knew, or that had the value of `otherwise`, is not rejected from then on.

Lookups are compared as their files say them, with the tables that they name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codegen.compat.breakage import Breakage, broken

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.document import Place
    from codegen.model import Catalog, Provider


@dataclass(frozen=True, slots=True)
class _Lookup:
    """A lookup of a field for an event type; `any_other` says that it has a value for what its table lacks."""

    of: Any
    known: tuple[str, ...]
    any_other: bool

    def lacks(self, earlier: _Lookup) -> tuple[str, ...]:
        return () if self.any_other else tuple(value for value in earlier.known if value not in self.known)


def narrowed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield what a lookup gave a value for and does not now: events that have it would be rejected."""
    before = {provider.name: provider for provider in old.providers}
    for provider in (each for each in new.providers if each.name in before):
        earlier = _lookups(before[provider.name])
        lost: dict[tuple[Place, str, str], list[str]] = {}
        for (event, field), (place, lookups) in _lookups(provider).items():
            for said in _lost(earlier.get((event, field), ((), ()))[1], lookups):
                lost.setdefault((place, field, said), []).append(event)
        for (place, field, said), events in lost.items():
            message = f"{field}: {said} in {', '.join(events)}, and would now be rejected"
            concern = ("mapping", provider.name, events[0], field)
            hint = "leave `otherwise` in the lookup" if said.startswith("any") else "leave the values in the table"
            yield broken(concern, provider.mapping_source, place, message, hint)


def _lost(before: tuple[_Lookup, ...], after: tuple[_Lookup, ...]) -> Iterator[str]:
    """Yield in words what the lookups of a field took and take no longer; each is compared with one alone."""
    left = list(after)
    # Those whose value is still looked up choose first: the same value, and of several the one that is most like it.
    for each in sorted(before, key=lambda one: all(one.of != other.of for other in after)):
        alike = [one for one in left if one.of == each.of] or left
        now = min(alike, key=lambda one: (each.any_other and not one.any_other, len(one.lacks(each))), default=None)
        if now is None:
            # Several of one value have become fewer: what none of them knows is lost.
            same = [one for one in after if one.of == each.of]
            values = tuple(value for value in each.known if same and all(value in one.lacks(each) for one in same))
        else:
            left.remove(now)
            values = now.lacks(each)
            if each.any_other and not now.any_other:
                yield "any value that the table lacks could be looked up"
        if values:
            yield f"{', '.join(values)} could be looked up"


def _lookups(provider: Provider) -> dict[tuple[str, str], tuple[Place, tuple[_Lookup, ...]]]:
    """Return the lookups by event type and field, with the field's place."""
    found: dict[tuple[str, str], tuple[Place, tuple[_Lookup, ...]]] = {}
    data = provider.mapping_source.data
    event_type = data["event_type"]
    by_type = {"path": event_type} if isinstance(event_type, str) else event_type
    for index, (group, read) in enumerate(zip(data["groups"], provider.mapping.groups, strict=True)):
        for field, expression in (data.get("fields", {}) | group["fields"]).items():
            written = list(_written(expression))
            for event in group["events"] if written else ():
                lookups = tuple(_lookup(each, data.get("tables", {}), by_type, event) for each in written)
                found[event, field] = (read.place(index, field), lookups)
    return found


def _lookup(written: Mapping[str, Any], tables: Mapping[str, Any], by_type: Any, event: str) -> _Lookup:
    table = written["table"]
    known = tuple(tables.get(table, {}) if isinstance(table, str) else table)
    any_other = "otherwise" in written
    if written["value"] != by_type:
        return _Lookup(written["value"], known, any_other)
    # Of a table over event types, an event needs its own line alone, or the value for all others.
    return _Lookup(by_type, (event,) if event in known or any_other else (), any_other=False)


def _written(expression: Any) -> Iterator[Mapping[str, Any]]:
    """Yield each lookup inside an expression, in the order in which they are written."""
    if isinstance(expression, dict):
        if "lookup" in expression:
            yield expression["lookup"]
        for each in expression.values():
            yield from _written(each)
    elif isinstance(expression, list):
        for each in expression:
            yield from _written(each)
