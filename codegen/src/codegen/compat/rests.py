"""A rule on the rest of a payload: what readers find there stays, until they have moved to the field that took it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codegen.compat.breakage import Breakage, broken
from codegen.language.model import LeafKind
from codegen.language.parts import taken
from codegen.payload import declared, leaves, rests, types

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.document import Place
    from codegen.language.model import Group, Leaf, Path
    from codegen.model import Catalog, Provider


# What a list and a map are to JSON, and how what is in them is called where payload contracts are compared.
_SHAPES = {LeafKind.SCALARS: "array", LeafKind.MAP: "object"}
_INSIDE = {LeafKind.SCALARS: "[]", LeafKind.MAP: "{}"}


@dataclass(frozen=True, slots=True)
class _Loss:
    """Why a rest no longer holds something, with what is to be done.

    `changed` is the mapped field that did it; None where the payload contract did, at the path or `inside` it: in what
    it says of a list's items or a map's values.
    """

    field: str
    said: str
    hint: str
    changed: str | None = None
    inside: str = ""


def narrowed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield what was in the rest of a payload and is not, or not in the same form.

    Another field has taken it, the rest begins elsewhere, or the payload contract calls it personal data or declares it
    in another form. What the contract does not declare any more is the business of `payload-narrowed`.
    """
    earlier = {provider.name: provider for provider in old.providers}
    for provider in (each for each in new.providers if each.name in earlier):
        groups = {event: group for group in earlier[provider.name].mapping.groups for event in group.events}
        for index, group in enumerate(provider.mapping.groups):
            lost: dict[_Loss, dict[str, list[Leaf]]] = {}
            for event in (each for each in group.events if each in groups):
                for loss, leaf in _lost((earlier[provider.name], groups[event]), (provider, group)):
                    lost.setdefault(loss, {}).setdefault(event, []).append(leaf)
            for loss, by_event in lost.items():
                keys = dict.fromkeys(leaf.key for each in by_event.values() for leaf in each)
                message = f"{loss.field} of {', '.join(by_event)} no longer holds {', '.join(keys)}{loss.said}"
                place: Place = group.place(index, loss.field)
                event, (first, *_) = next(iter(by_event.items()))
                concern = ("mapping", provider.name, event, loss.changed) if loss.changed else None
                concern = concern or ("payload", provider.name, group.payload, way(first.path) + loss.inside)
                yield broken(concern, provider.mapping_source, place, message, loss.hint)


def _lost(before: tuple[Provider, Group], after: tuple[Provider, Group]) -> Iterator[tuple[_Loss, Leaf]]:
    """Yield why a rest no longer holds what it held, with what it held."""
    provider, group = after
    takers = {path: name for name, field in group.fields.items() for path in taken(field)}
    held = _leaves(*after)
    for (field, key), leaf in _leaves(*before).items():
        now = held.get((field, key))
        found = declared(provider.payload, group.payload, leaf.path)
        if found is not None and now is not None and (gone := sorted(leaf.allowed - now.allowed)):
            said = f", in which {', '.join(gone)} may be no longer"
            yield _Loss(field, said, "leave the keys: whoever reads them finds them nowhere else"), leaf
        if found is None or (now is not None and now.kind is leaf.kind):
            continue
        one, other = before[1].fields[field], group.fields.get(field)
        if now is not None:
            said = f" as {leaf.kind.value}: it is {now.kind.value} now"
            yield _Loss(field, said, "give what has another form another name"), leaf
        elif leaf.path in takers:
            taker = takers[leaf.path]
            hint = (
                f"write `keep: [{leaf.path}]` beside the path of the rest; once its readers have moved to {taker}, "
                "remove that and accept this rule"
            )
            changed = taker if before[1].fields.get(taker) != group.fields[taker] else field
            yield _Loss(field, f", which is in {taker} alone now", hint, changed), leaf
        elif one != other:
            yield (
                _Loss(field, ", and no other field has it", "leave the rest as it is until nobody reads it", field),
                leaf,
            )
        elif found.personal:
            hint = "first let its readers know; then accept this rule: personal data is not kept there"
            yield _Loss(field, ", which is personal data now", hint), leaf
        else:
            hint = "declare it as a text, a number or a boolean, or as a list or map of those"
            inside = _INSIDE.get(leaf.kind, "") if _SHAPES.get(leaf.kind) in types(found.schema) else ""
            yield _Loss(field, ", whose declared form cannot be kept", hint, inside=inside), leaf


def way(path: Path) -> str:
    """Return a path as payload contracts are compared by it."""
    steps = ("[]" if isinstance(step, int) else f".{step}" for step in path.steps)
    return "".join(steps).removeprefix(".")


def _leaves(provider: Provider, group: Group) -> Mapping[tuple[str, str], Leaf]:
    return {
        (field, leaf.key): leaf
        for field, expression in group.fields.items()
        for rest in rests(expression)
        for leaf in leaves(provider.payload, group, rest)
    }
