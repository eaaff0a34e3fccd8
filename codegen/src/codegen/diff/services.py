"""Changes to services, their permissions, and owners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.diff.change import Change, Section
from codegen.services import CHANGED, OBSERVED, STORES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from codegen.model import Catalog
    from codegen.services import Service


def services(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield services that are new, gone, or described, owned or permitted in another way."""
    before, after = old.services.services, new.services.services
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        concerns = (("service", name),)
        if was is None or now is None:
            yield Change(Section.SERVICES, name, "is new" if now else "is gone", concerns)
            continue
        for attribute in ("description", "owner"):
            one, other = getattr(was, attribute), getattr(now, attribute)
            if one != other:
                yield Change(Section.SERVICES, name, f"{attribute} {one} → {other}", ())
        granted = (
            *_granted("read", STORES, was.reads, now.reads),
            *_granted("write", STORES, was.writes, now.writes),
            *_granted("observe", OBSERVED, was.observes, now.observes),
            *(text for what in CHANGED for text in _changed(what, was, now)),
        )
        for text in granted:
            yield Change(Section.SERVICES, name, text, concerns)


def owners(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield owners that are new, gone, or answer for something else."""
    before, after = old.services.owners, new.services.owners
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was is None or now is None:
            yield Change(Section.SERVICES, f"owner {name}", "is new" if now else "is gone", ())
        elif was != now:
            yield Change(Section.SERVICES, f"owner {name}", f"{was} → {now}", ())


def _changed(what: str, was: Service, now: Service) -> Iterator[str]:
    rows = "rows of"
    before, after = {rows: was.changes.get(what, ())}, {rows: now.changes.get(what, ())}
    yield from _granted(what.removesuffix("s"), (rows,), before, after)


def _granted(
    verb: str, stores: Iterable[str], was: Mapping[str, tuple[str, ...]], now: Mapping[str, tuple[str, ...]]
) -> Iterator[str]:
    for store in stores:
        before, after = was.get(store, ()), now.get(store, ())
        lost = [name for name in before if name not in after]
        won = [name for name in after if name not in before]
        if lost:
            yield f"may no longer {verb} {store} {', '.join(lost)}"
        if won:
            yield f"may {verb} {store} {', '.join(won)} too"
