"""Rules on families: an object stays one object, its latest version the latest, and money is counted as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.compat.breakage import Breakage, broken, gone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.document import Document
    from codegen.families import Family
    from codegen.model import Catalog


def removed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield families that are gone, and statuses and amounts that a family no longer has."""
    source = new.families.source
    for name, family in old.families.families.items():
        now = new.families.families.get(name)
        if source is None or now is None:
            message = f"the family {name} is gone, and events of it are stored"
            was = old.families.source
            if source is None and was is not None:
                yield gone(("family", name), was, message, "put it back")
            elif source is not None:
                yield broken(("family", name), source, ("families",), message, "put it back")
            continue
        for attribute in ("statuses", "amounts"):
            lost = [each for each in getattr(family, attribute) if each not in getattr(now, attribute)]
            if lost:
                message = f"the family {name} had the {attribute} {', '.join(lost)}, which stored events have"
                concern = ("family", name, attribute)
                yield broken(concern, source, ("families", name, attribute), message, "put them back")


def identity_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield another identity of objects, another order of versions, and ranks of statuses that have changed places."""
    source = new.families.source
    if source is None or old.families.source is None:
        return
    for attribute in ("identity", "order", "record"):
        if getattr(old.families, attribute) != getattr(new.families, attribute):
            message = f"objects had another {attribute}: the same events would make another state"
            hint = "leave it; accept this where Silver is to be built anew"
            yield broken(("family", "", attribute), source, (attribute,), message, hint)
    for before, after in _both(old, new):
        kept = [each for each in after.statuses if each in before.statuses]
        if kept != [each for each in before.statuses if each in kept]:
            message = f"the statuses of {after.name} had other ranks: the same events would make another state"
            hint = "leave their order; accept this where Silver is to be built anew"
            yield broken(("family", after.name, "statuses"), source, _place(after, "statuses"), message, hint)


def money_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield families whose objects are to mean other money than they did, or are to be part of something else."""
    source: Document | None = new.families.source
    if source is None:
        return
    for before, after in _both(old, new):
        if before.role != after.role:
            message = f"objects of {after.name} had the role {before.role} and are to have {after.role}"
            hint = "leave it: sums of money that were reported would change"
            yield broken(("family", after.name, "role"), source, _place(after, "role"), message, hint)
        if before.belongs_to != after.belongs_to[: len(before.belongs_to)]:
            one, other = (", ".join(each.belongs_to) or "nothing" for each in (before, after))
            message = f"an object of {after.name} belonged to what {one} names, and is to belong to {other}"
            hint = "leave them, and add further ones at the end"
            yield broken(("family", after.name, "belongs_to"), source, _place(after, "belongs_to"), message, hint)


def _place(family: Family, key: str) -> tuple[str, str, str]:
    return ("families", family.name, key)


def _both(old: Catalog, new: Catalog) -> Iterator[tuple[Family, Family]]:
    after = new.families.families
    yield from ((family, after[name]) for name, family in old.families.families.items() if name in after)
