"""What a trace asks of the operational database, of Temporal and of Kafka."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from operations.audit.hops import Place
from operations.trace.facts import Row, Workflow
from operations.trace.records import EventRecords
from operations.trace.tables import EventTables


class Rows(Protocol):
    """Rows of the operational database; `rows.EventRows` is one. Raises UnavailableError where it is away."""

    def find(self, wanted: str, limit: int) -> Sequence[Row]:
        """Return the newest rows of an event, of a provider's event, or of an object and what belongs to it."""

    def payment_of_charge(self, provider: str, charge_id: str) -> str | None:
        """Return the payment that a charge belongs to, where one of its events tells."""

    def notes(self, event_ids: Collection[str]) -> Mapping[str, Sequence[str]]:
        """Return, by event, what was done about it by hand and what the audit found, in the order of time."""


class Workflows(Protocol):
    """The workflows of events; `workflows.EventWorkflows` is one. Raises UnavailableError where Temporal is away."""

    def find(self, event_id: str, *, with_event: bool) -> Workflow | None:
        """Return the workflow of an event; None where there is none, or no more."""


Behind = Callable[[str, Place], int]
"""Returns how many records a group has still to read up to a place, itself included; at most 0 once it has."""


@dataclass(frozen=True, slots=True)
class Servers:
    """How each part is opened, in the thread that asks it; None where no address of it is set: it counts as away.

    `providers` are those whose topics there are; the groups are the readers' of raw and of normalized records.
    """

    rows: Callable[[], AbstractContextManager[Rows]] | None
    workflows: Callable[[], AbstractContextManager[Workflows]] | None
    records: Callable[[], AbstractContextManager[EventRecords]]
    tables: EventTables
    providers: Sequence[str]
    normalizer_group: str = "normalizer"
    consumer_group: str = "orchestrator"
