"""One thing that is different between two states of the contracts, in words."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.compat import Concern
    from codegen.document import Document


class Section(enum.Enum):
    """What a change touches, in the order of a report."""

    SERVICES = "Services"
    CONSUMERS = "Pinned consumers"
    TOPICS = "Topics"
    SUBJECTS = "Registry subjects"
    FLINK = "Flink columns"
    TABLES = "Tables"
    ICEBERG = "Iceberg columns"
    DBT = "dbt sources"
    DERIVED = "Silver and Gold"
    DATABASE = "Database"
    FILES = "Files"
    MODELS = "Pydantic models"
    PROVIDERS = "Providers"
    PAYLOADS = "Payload contracts"
    MAPPINGS = "Mappings"
    RULES = "Rules and references"
    APIS = "HTTP APIs"


@dataclass(frozen=True, slots=True)
class Change:
    """A change to one thing: `concerns` are what breaks it, `rules` the ids of the rules that say it does."""

    section: Section
    name: str
    text: str
    concerns: tuple[Concern, ...]
    rules: tuple[str, ...] = ()

    @property
    def breaking(self) -> bool:
        """Return whether it breaks somebody."""
        return bool(self.rules)


def others(section: Section, name: str, was: Document, now: Document, told: frozenset[str]) -> Iterator[Change]:
    """Yield every key of a file that is different and not `told` otherwise, so that no change goes unseen."""
    for key in dict.fromkeys((*was.data, *now.data)):
        one, other = was.data.get(key), now.data.get(key)
        if key not in told and one != other:
            yield Change(section, name, f"{key} {worded(one)} → {worded(other)}", ())


def worded(value: object) -> str:
    """Return a value of a contract in words."""
    match value:
        case list():
            return ", ".join(map(worded, value)) or "none"
        case dict():
            return ", ".join(f"{key} {worded(each)}" for key, each in value.items()) or "none"
    return "none" if value is None else str(value)
