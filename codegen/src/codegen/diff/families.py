"""Changes to families: what is one object, what orders its versions, what it may say of money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.diff.change import Change, Section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Catalog

_ATTRIBUTES = ("description", "role", "belongs_to", "statuses", "amounts")


def families(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield families that are new, gone or different."""
    before, after = old.families.families, new.families.families
    for name in dict.fromkeys((*before, *after)):
        title, concern = f"family {name}", ("family", name)
        if name not in before:
            yield Change(Section.DERIVED, title, f"is new, with the role {after[name].role}", (concern,))
        elif name not in after:
            yield Change(Section.DERIVED, title, "is gone", (concern,))
        else:
            for attribute in _ATTRIBUTES:
                one, other = (_listed(getattr(each, attribute)) for each in (before[name], after[name]))
                if one != other:
                    yield Change(Section.DERIVED, title, f"{attribute} {one} → {other}", ((*concern, attribute),))


def identity(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield another record, another identity of objects, and another order of their versions."""
    if not old.families.families or not new.families.families:
        return
    for attribute in ("record", "identity", "order"):
        one, other = (_listed(getattr(each.families, attribute)) for each in (old, new))
        if one != other:
            yield Change(Section.DERIVED, "objects", f"{attribute} {one} → {other}", (("family", "", attribute),))


def _listed(value: object) -> str:
    match value:
        case tuple():
            return ", ".join(" else ".join(each) if isinstance(each, tuple) else str(each) for each in value) or "none"
    return str(value)
