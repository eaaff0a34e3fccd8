"""What the parts of the pipeline say of an event, before anybody concludes from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from operations.audit.hops import Place
from operations.recovery.trial import Trial

Row = Mapping[str, Any]

DATABASE: Final = "operational database"
TEMPORAL: Final = "Temporal"
KAFKA: Final = "Kafka"
LAKE: Final = "lake"
"""The parts that are asked, by the names that people know them by."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A record in a topic, by the field names of its contract. `at` is Kafka's time; `headers` are the record's."""

    place: Place
    at: datetime
    record: Row
    headers: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stored:
    """A row in a table of the lake, and the snapshot that brought it in its present file; a compaction is one, too.

    `committed_at` is None once that snapshot has expired.
    """

    table: str
    row: Row
    snapshot_id: int
    committed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Workflow:
    """The workflow of an event.

    Attributes:
        run_id: Its newest run.
        status: RUNNING, COMPLETED, FAILED and so on, as Temporal calls them.
        started_at: When that run began; `closed_at` when it ended.
        place: Where its event was read, and `written_at` when that was written.
        pending: What it waits for in a queue: an activity's name, attempt and last failure.
        step: What it is at, as it tells itself while it runs; None where no worker answers for it.
        event: What it was started with; asked for only where nobody else knows the event.
        failure: Why it ended without success.
    """

    run_id: str
    status: str
    started_at: datetime
    closed_at: datetime | None = None
    place: Place | None = None
    written_at: datetime | None = None
    pending: Sequence[str] = ()
    step: str | None = None
    event: Row | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter: who gave the event up, why, and where that is written. `record` is what else it tells."""

    stage: str
    place: Place
    at: datetime
    reason_codes: tuple[str, ...]
    reasons: tuple[str, ...]
    source: Place | None
    record: Row = field(default_factory=dict)
    snapshot_id: int | None = None


@dataclass(slots=True)
class Facts:
    """All that was found of one event.

    Attributes:
        event_id: The id that all hops know it by.
        row: Its row in the operational database.
        raw: Its records in the raw topic; more than one where it was sent again.
        archived: The same in the archive.
        normalized: Its records in the topic of normalized events.
        letters: Its dead letters that are in their topics; `archived_letters` those of the archive.
        bronze: Its rows in Bronze; `silver` that in Silver.
        payment: The row of its payment in Silver; `gold` the row of Gold that counts it.
        payment_id: What that payment is called; None where the event is about no payment.
        trial: What today's contract says of its body; asked where nothing came of it.
        cut: The topics of which not every record of the event's time was looked at.
        behind: How many records a reader has still to read before the event's: by reader; negative where it has passed.
        notes: What was done by hand, or found by the audit.
        away: Which parts could not be asked, and why.
    """

    event_id: str
    row: Row | None = None
    raw: Sequence[Seen] = ()
    archived: Sequence[Stored] = ()
    normalized: Sequence[Seen] = ()
    workflow: Workflow | None = None
    letters: Sequence[Letter] = ()
    archived_letters: Sequence[Letter] = ()
    bronze: Sequence[Stored] = ()
    silver: Stored | None = None
    payment: Stored | None = None
    gold: Stored | None = None
    payment_id: str | None = None
    trial: Trial | None = None
    cut: set[str] = field(default_factory=set)
    behind: dict[str, int] = field(default_factory=dict)
    notes: Sequence[str] = ()
    away: dict[str, str] = field(default_factory=dict)

    @property
    def scored(self) -> Row | None:
        """The row as whichever store has it."""
        return self.row if self.row is not None else (self.bronze[0].row if self.bronze else None)

    @property
    def dead_letters(self) -> list[Letter]:
        """All dead letters, the oldest first, each once."""
        found = {each.place: each for each in (*self.letters, *self.archived_letters)}
        return sorted(found.values(), key=lambda each: each.at)

    def known(self, name: str) -> Any:
        """Return a field of the event from wherever it is known, None where it is not."""
        records: list[Row | None] = [self.scored, *(each.record for each in self.normalized)]
        records += [each.record for each in self.raw] + [each.row for each in self.archived]
        records += [None if self.workflow is None else self.workflow.event]
        records += [each.record for each in self.dead_letters]
        return next((each[name] for each in records if each is not None and each.get(name) is not None), None)
