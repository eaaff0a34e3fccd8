"""What differs between two versions of a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codegen.avro import Field, walk

from catalogue.targets import avro

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import RecordVersion


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: `kind` is added, removed or changed; `field` is its path of names, `words` says what."""

    kind: str
    field: str
    words: str


def changes(old: RecordVersion, new: RecordVersion) -> tuple[Change, ...]:
    """Return the differences from one version of a record to another: what went, what changed, what came."""
    before, after = (_fields(version) for version in (old, new))
    removed = [Change("removed", name, _type(field)) for name, field in before.items() if name not in after]
    changed = [
        Change("changed", name, words)
        for name, field in after.items()
        if name in before
        for words in _differences(before[name], field)
    ]
    added = [
        Change("added", name, f"{_type(field)}. {field.doc}") for name, field in after.items() if name not in before
    ]
    return (*removed, *changed, *added)


def _fields(version: RecordVersion) -> dict[str, Field]:
    return {".".join(path): field for path, field in walk(version.record)}


def _type(field: Field) -> str:
    return f"`{avro(field.type)}`"


def _differences(old: Field, new: Field) -> Iterator[str]:
    if avro(old.type) != avro(new.type):
        yield f"is {_type(new)} instead of {_type(old)}"
    came = [value for value in new.allowed if value not in old.allowed]
    went = [value for value in old.allowed if value not in new.allowed]
    if came:
        yield "may also be " + ", ".join(f"`{value}`" for value in came)
    if went:
        yield "may no longer be " + ", ".join(f"`{value}`" for value in went)
    if old.personal != new.personal:
        yield "is personal data" if new.personal else "is no longer personal data"
    if old.doc != new.doc:
        yield f"is now described as: {new.doc}"
