"""Families of objects: what is one object, which of its versions is the latest, what it may say of money."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codegen.document import Document

Role = Literal["payment", "attempt", "refund", "dispute", "reversal", "none"]
"""What objects are to the money of a payment; an attempt is a payment by itself where it belongs to none."""

EVENT_TYPE = "event_type"
STATUS = "status"


@dataclass(frozen=True, slots=True)
class Family:
    """A family of objects; `statuses` is closed, and a later one outranks an earlier one in the same instant.

    `belongs_to` are the fields that name the object of which one is a part, the closest first.
    """

    name: str
    description: str
    role: Role
    belongs_to: tuple[str, ...]
    statuses: tuple[str, ...]
    amounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Families:
    """The families of a record's events; `source` is None in contracts without any.

    `identity` is the field that, with provider and family, identifies an object. `order` are what its versions are
    ordered by, the most telling first: of several fields in one place, the first that is not null.
    """

    record: str = ""
    identity: str = ""
    order: tuple[tuple[str, ...], ...] = ()
    families: Mapping[str, Family] = field(default_factory=dict)
    source: Document | None = None

    @property
    def amounts(self) -> frozenset[str]:
        """Return every field that says something of money in some family."""
        return frozenset(name for family in self.families.values() for name in family.amounts)


def families(document: Document) -> Families:
    """Return what contracts/families.yaml declares, whose shape meta/families.schema.json has approved."""
    data = document.data
    return Families(
        record=data["record"],
        identity=data["identity"],
        order=tuple(tuple(each) for each in data["order"]),
        families={
            name: Family(
                name,
                each["description"],
                each["role"],
                tuple(each["belongs_to"]),
                tuple(each["statuses"]),
                tuple(each["amounts"]),
            )
            for name, each in data["families"].items()
        },
        source=document,
    )


def family_of(event_type: str) -> str:
    """Return the family of an event type: the part before the dot."""
    return event_type.partition(".")[0]
