"""Rules on records: a version that was given out stays, and every version can be read with every other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codegen.compat.breakage import Breakage, broken, gone
from codegen.resolution import mismatches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from codegen.document import Document, Place
    from codegen.model import Catalog, RecordVersion

    _Compared = Callable[[Any, Any, Place], Iterator[tuple[Place, str]]]

# Each level of the registry: whether it asks for backward and forward compatibility, and with all versions or the last.
_LEVELS = {
    "NONE": (False, False, False),
    "BACKWARD": (True, False, False),
    "BACKWARD_TRANSITIVE": (True, False, True),
    "FORWARD": (False, True, False),
    "FORWARD_TRANSITIVE": (False, True, True),
    "FULL": (True, True, False),
    "FULL_TRANSITIVE": (True, True, True),
}


def removed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield records that are gone though a topic or table held them."""
    for name, versions in old.records.items():
        if name not in new.records and _reached(old, name):
            message = f"the record {name} is gone, and what was written with it remains"
            yield gone(("record", name), versions[-1].source, message, "put it back; a record may only get versions")


def versions_removed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield versions that are gone though a topic or table had reached them.

    A version of an extension that is gone with the version that it extends is told with that one.
    """
    for name, versions in old.records.items():
        present = {each.version for each in new.records.get(name, ())}
        for each in versions if present else ():
            if each.version in present or each.version > _reached(old, name):
                continue
            concern = ("version", name, str(each.version))
            message = f"{name} v{each.version} is gone, and what was written with it remains"
            if each.base is None:
                hint = "put the file back; a topic says with `retired` that a version is no longer on it"
                yield gone(concern, each.source, message, hint)
            elif _is_there(new, each.base):
                hint = f"leave `again` as it was: with {each.base[1]} in it, the version was there"
                yield broken(concern, new.records[name][-1].source, ("again",), message, hint)
            elif each.base[1] > _reached(old, each.base[0]):
                hint = f"put {each.base[0]} v{each.base[1]} back, which it extends"
                yield broken(concern, new.records[name][-1].source, (), message, hint)


def versions_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield versions that were edited, be it in a word, though a topic or table had reached them.

    The registry keeps a schema's text, docs included, and would take what was edited for one more version. An edit that
    versions have in common, since one is made from the other, is told of the one that it was made in.
    """
    told: dict[str, set[str]] = {}
    pairs = [each for each in _both(old, new) if each[0].version <= _reached(old, each[0].name)]
    for before, after in sorted(pairs, key=lambda pair: (pair[1].base is not None, pair[1].version)):
        known = told.setdefault(after.name, set())
        made_from = () if after.source.path.endswith(".avsc") else (known | told.get((after.base or ("",))[0], set()))
        newest = new.records[after.name][-1]
        for text, each in _edits(before, after.source, _remedy(before, newest, _reached(old, after.name))):
            if text not in made_from:
                yield each
            known.add(text)


def _edits(released: RecordVersion, now: Document, hint: str) -> Iterator[tuple[str, Breakage]]:
    """Yield in words what is different in a released version, each with its breakage."""
    name = f"{released.name} v{released.version}"
    concern = ("version", released.name, str(released.version))
    for place, message in _differences(released.source.data, now.data, ()):
        said = f"{_path(now.data, place)}{message}"
        yield said, broken(concern, now, place, f"{name} is released, and was edited: {said}", hint)


def _remedy(released: RecordVersion, newest: RecordVersion, reached: int) -> str:
    """Return how a change is made in place of an edit: an extension has no file for a version."""
    if released.base is None or newest.base is None:
        return f"put v{released.version} back as it was, and write the change as v{newest.version + 1}"
    back = "put it back as it was, and write the change as a field of the extension with"
    if newest.version > reached:
        return f"{back} `since: {newest.version}`"
    return f"{back} `since: {newest.version + 1}`; `again: [{newest.base[1]}]` makes that version"


def released(catalog: Catalog) -> Iterator[RecordVersion]:
    """Yield every version that a topic or table has reached."""
    for name, versions in catalog.records.items():
        yield from (each for each in versions if each.version <= _reached(catalog, name))


def backward(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield new versions with which earlier ones cannot be read."""
    for after, earlier in _added(old, new, 0):
        for each in mismatches(after.source.data, earlier.source.data):
            message = f"{after.name} v{after.version} cannot read v{earlier.version}: {each}"
            hint = "give a new field a default, keep types and allowed values, or begin a new record and topic"
            yield broken(("version", after.name, str(after.version)), after.source, each.reader, message, hint)


def forward(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield new versions that cannot be read with earlier ones; what a closed set lacks is the business of the pins."""
    for after, earlier in _added(old, new, 1):
        for each in mismatches(earlier.source.data, after.source.data):
            if not each.closed:
                message = f"{after.name} v{earlier.version} cannot read v{after.version}: {each}"
                hint = "keep fields that have no default, and types, or begin a new record and topic"
                yield broken(("version", after.name, str(after.version)), after.source, each.writer, message, hint)


def _is_there(catalog: Catalog, version: tuple[str, int]) -> bool:
    name, number = version
    return any(each.version == number for each in catalog.records.get(name, ()))


def _reached(catalog: Catalog, name: str) -> int:
    """Return the highest version of a record that is written somewhere; higher ones are drafts, and may change."""
    return max((holder.version for holder in catalog.holders if holder.record == name), default=0)


def _both(old: Catalog, new: Catalog) -> Iterator[tuple[RecordVersion, RecordVersion]]:
    for name, versions in old.records.items():
        after = {each.version: each for each in new.records.get(name, ())}
        yield from ((each, after[each.version]) for each in versions if each.version in after)


def _added(old: Catalog, new: Catalog, direction: int) -> Iterator[tuple[RecordVersion, RecordVersion]]:
    """Yield each version that may still change with each earlier one that its subjects compare it with."""
    for name, versions in new.records.items():
        given_out = _reached(old, name) if name in old.records else 0
        levels = [_LEVELS[topic.compatibility] for topic in new.topics if topic.record == name]
        # A record of tables alone: its rows outlive every version.
        levels = levels or [_LEVELS["FULL_TRANSITIVE"]]
        asked = [level for level in levels if level[direction]]
        for index, after in enumerate(versions):
            if after.version <= given_out or not asked:
                continue
            first = 0 if any(level[2] for level in asked) else max(index - 1, 0)
            for earlier in versions[first:index]:
                yield after, earlier


def _differences(before: Any, after: Any, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _members(before, after, place)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _differences(one, other, (*place, index))
    elif before != after or isinstance(before, bool) != isinstance(after, bool):
        yield place, f"{place[-1] if place else 'it'} was {_worded(before)} and is {_worded(after)}"


def _members(before: dict[str, Any], after: dict[str, Any], place: Place) -> Iterator[tuple[Place, str]]:
    deeper: dict[str, _Compared] = {"fields": _fields, "allowed_values": _values}
    for key in dict.fromkeys((*before, *after)):
        if key not in after:
            yield place, f"{key} is gone"
        elif key not in before:
            yield (*place, key), f"{key} is new"
        elif key == "doc":
            if before[key] != after[key]:
                yield (*place, key), "its doc has other words"
        else:
            yield from deeper.get(key, _differences)(before[key], after[key], (*place, key))


def _fields(before: list[Any], after: list[Any], place: Place) -> Iterator[tuple[Place, str]]:
    names, others = [each["name"] for each in before], [each["name"] for each in after]
    if names == others:
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _differences(one, other, (*place, index))
        return
    lost = [name for name in names if name not in others]
    won = [name for name in others if name not in names]
    if lost:
        yield place, f"{', '.join(lost)} {_are(lost)} gone"
    for name in won:
        yield (*place, others.index(name)), f"{name} is new"
    if not lost and not won:
        yield place, "the order of the fields, in which they are written, has changed"


def _values(before: list[Any], after: list[Any], place: Place) -> Iterator[tuple[Place, str]]:
    lost = [value for value in before if value not in after]
    if lost:
        yield place, f"{', '.join(map(str, lost))} {_are(lost)} no longer allowed"
    for index, value in enumerate(after):
        if value not in before:
            yield (*place, index), f"{value} is allowed now"
    if not lost and len(before) == len(after) and before != after:
        yield place, "the allowed values stand in another order"


def _are(names: list[Any]) -> str:
    return "is" if len(names) == 1 else "are"


def _path(schema: Any, place: Place) -> str:
    """Return the names of the fields around a place, with a colon; empty at the record's top."""
    names, node = [], schema
    for before, step in zip(("", *place), place, strict=False):
        node = node[step]
        if before == "fields":
            names.append(str(node["name"]))
    return f"{'.'.join(names)}: " if names else ""


def _worded(value: Any) -> str:
    match value:
        case ["null", inner]:
            return f"null or {_worded(inner)}"
        case {"logicalType": logical}:
            return str(logical)
        case {"type": kind}:
            return str(kind)
        case bool() | None:
            return str(value).lower() if value is not None else "null"
    return str(value)
