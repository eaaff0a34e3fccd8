"""One thing that is different between two states of the contracts, in words."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codegen.compat import Concern


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
