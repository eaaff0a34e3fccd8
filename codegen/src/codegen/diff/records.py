"""Changes to records: the models and subjects that come from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.avro import Field, Record, walk
from codegen.diff.change import Change, Section
from codegen.emit.pydantic import class_name, plain_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Catalog, RecordVersion


def models(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield models that are new, gone or different."""
    before, after = _versions(old), _versions(new)
    for key in sorted(before.keys() | after.keys()):
        was, now = before.get(key), after.get(key)
        name, number = key
        fields = _fields(now.record) if now else {}
        concerns = (("record", name), ("version", name, str(number)), *(("field", name, path) for path in fields))
        if was is None and now is not None:
            earlier = after.get((name, number - 1))
            text = f"is new: {_told(earlier.record, now.record)}" if earlier else "is new"
            yield Change(Section.MODELS, class_name(now), text, concerns)
        elif now is None and was is not None:
            yield Change(Section.MODELS, class_name(was), "is gone", concerns)
        elif was is not None and now is not None and was.source.data != now.source.data:
            yield Change(Section.MODELS, class_name(now), _told(was.record, now.record), concerns)


def subjects(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield subjects whose versions or level are others."""
    before = {topic.subject: topic for topic in old.topics}
    after = {topic.subject: topic for topic in new.topics}
    known, versions = _versions(old), _versions(new)
    for subject in sorted(before.keys() | after.keys()):
        topic = after.get(subject) or before[subject]
        concern = (("topic", topic.name), ("topic", topic.name, "record"))
        if subject not in after:
            yield Change(Section.SUBJECTS, subject, "is no longer declared", concern)
            continue
        if subject in before and before[subject].compatibility != topic.compatibility:
            text = f"compatibility {before[subject].compatibility} → {topic.compatibility}"
            yield Change(Section.SUBJECTS, subject, text, (("topic", topic.name, "compatibility"),))
        for name, number in sorted(known.keys() | versions.keys()):
            if name != topic.record:
                continue
            concerns = (*concern, ("record", name), ("version", name, str(number)))
            key = (name, number)
            if key not in known or (subject not in before and key in versions):
                yield Change(Section.SUBJECTS, subject, f"gets version {number}: {name} v{number}", concerns)
            elif key not in versions:
                yield Change(Section.SUBJECTS, subject, f"loses version {number}: {name} v{number}", concerns)
            elif known[key].schema != versions[key].schema:
                yield Change(Section.SUBJECTS, subject, f"version {number} has another text", concerns)


def _versions(catalog: Catalog) -> dict[tuple[str, int], RecordVersion]:
    return {(each.name, each.version): each for versions in catalog.records.values() for each in versions}


def _told(before: Record, after: Record) -> str:
    """Return in words what is different between two records."""
    was, now = (_fields(record) for record in (before, after))
    parts = [f"+ {name} ({plain_type(now[name])})" for name in now if name not in was]
    parts += [f"- {name}" for name in was if name not in now]
    for name in (name for name in now if name in was):
        parts += [*_differences(name, was[name], now[name]), *_marked(name, was[name], now[name])]
    if not parts and list(was) != list(now):
        parts = ["the order of fields is another"]
    return "; ".join(parts) or "only words and attributes"


def _differences(name: str, was: Field, now: Field) -> Iterator[str]:
    lost = [value for value in was.allowed if value not in now.allowed]
    won = [value for value in now.allowed if value not in was.allowed]
    if bool(was.allowed) != bool(now.allowed):
        yield f"{name} is a closed set now" if now.allowed else f"{name} is no longer a closed set"
        return
    if won:
        yield f"{name} takes {', '.join(won)} too"
    if lost:
        yield f"{name} no longer accepts {', '.join(lost)}"
    if was.type != now.type and not isinstance(now.bare, Record):
        yield f"{name}: {plain_type(was)} → {plain_type(now)}"


def _marked(name: str, was: Field, now: Field) -> Iterator[str]:
    if was.personal != now.personal:
        yield f"{name} is personal data now" if now.personal else f"{name} is no longer personal data"
    if was.doc != now.doc:
        yield f"{name} has other words"
    if was.default != now.default:
        yield f"{name} has another default"


def _fields(record: Record) -> dict[str, Field]:
    return {".".join(path): field for path, field in walk(record)}
