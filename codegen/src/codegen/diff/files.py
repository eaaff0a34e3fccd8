"""Changes to files that one program writes and others read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.diff.change import Change, Section, worded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Catalog


def files(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield files that are new, gone or different."""
    before, after = ({each.name: each for each in catalog.files} for catalog in (old, new))
    for name in dict.fromkeys((*before, *after)):
        was, now = before.get(name), after.get(name)
        concern = ("file", name)
        if now is None:
            yield Change(Section.FILES, name, "is gone", (concern,))
        elif was is None:
            text = f"is new: {now.record} v{now.version}, written by {now.writer} for {', '.join(now.readers)}"
            yield Change(Section.FILES, name, text, (concern,))
        else:
            for key in dict.fromkeys((*was.source.data, *now.source.data)):
                one, other = was.source.data.get(key), now.source.data.get(key)
                if one != other:
                    yield Change(Section.FILES, name, f"{key} {worded(one)} → {worded(other)}", ((*concern, key),))
