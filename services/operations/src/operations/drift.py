"""Where a Schema Registry disagrees with the contracts, in both directions; pure."""

import enum
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from operations.registry import Held


class Kind(enum.StrEnum):
    """What disagrees."""

    SUBJECT_MISSING = "subject_missing"
    SUBJECT_UNKNOWN = "subject_unknown"
    VERSION_MISSING = "version_missing"
    VERSION_UNKNOWN = "version_unknown"
    VERSION_DELETED = "version_deleted"
    SCHEMA_DIFFERENT = "schema_different"
    COMPATIBILITY_DIFFERENT = "compatibility_different"


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject as the contracts have it: `schemas` are the texts of versions 1, 2, 3 … of `record`."""

    name: str
    record: str
    compatibility: str
    schemas: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Drift:
    """One disagreement; `is_pending` where registering the contracts mends it."""

    subject: str
    kind: Kind
    version: int | None
    detail: str
    remedy: str
    is_pending: bool = False

    @property
    def is_conflict(self) -> bool:
        """Return whether nothing may be registered while it lasts. A subject too many is in nobody's way."""
        return not self.is_pending and self.kind is not Kind.SUBJECT_UNKNOWN

    def __str__(self) -> str:
        return f"{self.subject}: {self.detail} [{self.kind}] → {self.remedy}"


_REGISTER = "run `make register`"
_NUMBERS = "a version's number cannot be had again: register on a new registry, or restore this one from a backup"


def compare(subject: Subject, held: Held) -> Iterator[Drift]:
    """Yield where a subject in the registry is not what the contracts say, by version."""
    wanted = dict(enumerate(subject.schemas, 1))
    if not held.numbers:
        detail = f"the registry does not have it; the contracts have {_versions(wanted)}"
        yield Drift(subject.name, Kind.SUBJECT_MISSING, None, detail, _REGISTER, is_pending=True)
        return
    if held.compatibility != subject.compatibility:
        detail = f"its level is {held.compatibility or 'not set'}, its topic's contract says {subject.compatibility}"
        yield Drift(subject.name, Kind.COMPATIBILITY_DIFFERENT, None, detail, _REGISTER, is_pending=True)
    for version in sorted(wanted.keys() | held.numbers):
        yield from _compare(subject, version, wanted.get(version), held)


def _compare(subject: Subject, version: int, text: str | None, held: Held) -> Iterator[Drift]:
    file = f"avro/{subject.record}/v{version}.avsc"
    if version in held.deleted:
        detail = f"version {version} was deleted in the registry"
        yield Drift(subject.name, Kind.VERSION_DELETED, version, detail, _NUMBERS)
    elif text is None:
        detail = f"the registry holds version {version}, the contracts have no {file}"
        remedy = "check out the contracts that registered it; a service that registers by itself has to stop doing so"
        yield Drift(subject.name, Kind.VERSION_UNKNOWN, version, detail, remedy)
    elif version not in held.schemas:
        following = max(held.numbers) + 1
        detail = f"the registry does not hold version {version}"
        if version >= following:
            yield Drift(subject.name, Kind.VERSION_MISSING, version, detail, _REGISTER, is_pending=True)
        else:
            detail += f" and would register the next schema as {following}"
            yield Drift(subject.name, Kind.VERSION_MISSING, version, detail, _NUMBERS)
    elif (place := difference(text, held.schemas[version])) is not None:
        detail = f"version {version} in the registry is not that of {file}: {place}"
        remedy = "a registered version never changes: put the contract back and add the change as a new version"
        yield Drift(subject.name, Kind.SCHEMA_DIFFERENT, version, detail, remedy)


def strangers(subjects: Iterable[Subject], present: Iterable[str]) -> Iterator[Drift]:
    """Yield subjects of the registry that are named as ours are, but belong to no contract.

    Ours are those that begin like a topic of the contracts, up to its first full stop.
    """
    known = {subject.name for subject in subjects}
    prefixes = tuple({f"{name.partition('.')[0]}." for name in known})
    for name in sorted(set(present) - known):
        if name.startswith(prefixes):
            detail = "the registry has this subject, the contracts have no topic for it"
            remedy = "declare its topic in contracts/topics; if it is retired, delete the subject after its messages"
            yield Drift(name, Kind.SUBJECT_UNKNOWN, None, detail, remedy)


def difference(contract: str, held: str) -> str | None:
    """Return the first place where two schemas differ, in words; None where they are the same JSON."""
    try:
        other = json.loads(held)
    except ValueError:
        return "the registry's is not JSON"
    return _difference(json.loads(contract), other, "")


def _difference(contract: Any, held: Any, place: str) -> str | None:
    if type(contract) is not type(held):
        return _unequal(contract, held, place)
    match contract:
        case dict():
            return _first_of_members(contract, held, place)
        case list():
            if _names(contract) == _names(held):
                for name, one, other in zip(_names(contract), contract, held, strict=True):
                    found = _difference(one, other, f"{place}[{name}]")
                    if found is not None:
                        return found
                return None
            return _unequal(_names(contract), _names(held), place)
    return None if contract == held else _unequal(contract, held, place)


def _first_of_members(contract: Mapping[str, Any], held: Mapping[str, Any], place: str) -> str | None:
    for name in (*contract, *(name for name in held if name not in contract)):
        here = f"{place}.{name}".lstrip(".")
        if name not in held:
            return f"the registry's has no {here}"
        if name not in contract:
            return f"only the registry's has {here}"
        found = _difference(contract[name], held[name], here)
        if found is not None:
            return found
    return None


def _names(members: Sequence[Any]) -> list[str]:
    return [
        str(member["name"]) if isinstance(member, dict) and "name" in member else str(index)
        for index, member in enumerate(members)
    ]


def _unequal(contract: Any, held: Any, place: str) -> str:
    return f"{place or 'the schema'} is {json.dumps(held)}, the contract says {json.dumps(contract)}"


def _versions(wanted: Mapping[int, str]) -> str:
    return f"versions 1 to {len(wanted)}" if len(wanted) > 1 else "version 1"
