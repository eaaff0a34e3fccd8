"""The services that contracts may name, and what each may read and write."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codegen.document import Document

STORES: Final = ("topics", "tables", "database", "files")
"""What a service reads from and writes to, as contracts/services.yaml calls it."""

OBSERVED: Final = ("offsets", "records", "groups")
"""What a service looks at in Kafka beside the topics that it reads."""

CHANGED: Final = ("updates", "erases")
"""What a service does to rows of the operational database that are there already."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service. `reads` and `writes` are patterns of names by store, in which a star stands for one part of a name.

    `observes` is what it looks at in Kafka beside that: patterns of topics of which it asks for `offsets` or counts
    `records`, and services of whose `groups` it asks how far they have read. `changes` are
    tables of the operational database whose rows it `updates` or `erases`: to write is to add rows alone.
    """

    name: str
    description: str
    owner: str
    reads: Mapping[str, tuple[str, ...]]
    writes: Mapping[str, tuple[str, ...]]
    observes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    changes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Services:
    """The closed sets of owners and services; `source` is None in contracts of an earlier commit, which had none."""

    owners: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    source: Document | None = None


def services(document: Document) -> Services:
    """Return what contracts/services.yaml declares, whose shape meta/services.schema.json has approved."""
    data = document.data
    declared = {
        name: Service(
            name,
            each["description"],
            each["owner"],
            _access(each["reads"]),
            _access(each["writes"]),
            {what: tuple(names) for what, names in each.get("observes", {}).items()},
            {what: tuple(names) for what, names in each.get("changes", {}).items()},
        )
        for name, each in data["services"].items()
    }
    return Services(data["owners"], declared, document)


def matches(pattern: str, name: str) -> bool:
    """Return whether a pattern takes a name: each star stands for one part, the parts being between dots."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", "[^.]+"), name) is not None


def _access(data: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {store: tuple(data.get(store, ())) for store in STORES}
