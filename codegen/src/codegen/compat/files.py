"""Rules on files that one program writes and others read: both may be of other releases than each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.compat.breakage import Breakage, broken, gone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.files import RecordFile
    from codegen.model import Catalog


def removed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield files that are gone, and that somebody read."""
    names = {each.name for each in new.files}
    for before in old.files:
        if before.name not in names:
            message = f"the file {before.name} is gone, and {', '.join(before.readers)} read it"
            yield gone(("file", before.name), before.source, message, "put it back while its readers are there")


def record_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield files that are to hold another record, an older version of it, or be written in another format."""
    for before, after in kept(old, new):
        formats = tuple(str(each.source.data["format"]) for each in (before, after))
        part = "record"
        if before.record == after.record:
            part = "format" if formats[0] != formats[1] else "version"
        if before.record != after.record or formats[0] != formats[1] or after.version < before.version:
            one, other = f"{before.record} v{before.version}", f"{after.record} v{after.version}"
            message = f"{after.name} held {one} as {formats[0]}, and is to hold {other} as {formats[1]}"
            hint = "leave it; what is new goes into a later version of the record, or into another file"
            yield broken(("file", after.name, part), after.source, (part,), message, hint)


def readers_removed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield readers that are not named any more: what they need of a file nobody would ask for."""
    for before, after in kept(old, new):
        for name in before.readers:
            if name not in after.readers:
                message = f"{name} read {after.name}, and is no longer a reader of it"
                hint = "leave it while its program reads the file; accept this when it does not any more"
                yield broken(("file", after.name, "readers"), after.source, ("readers",), message, hint)


def kept(old: Catalog, new: Catalog) -> Iterator[tuple[RecordFile, RecordFile]]:
    """Yield files that were there and still are, as they were and as they are."""
    after = {each.name: each for each in new.files}
    yield from ((each, after[each.name]) for each in old.files if each.name in after)
