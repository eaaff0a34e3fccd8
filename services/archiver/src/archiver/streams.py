"""Which topics go into which table: what the contracts say that the archiver reads and writes."""

from dataclasses import dataclass

from payments_contracts.tables import BRONZE_PROVIDER_EVENTS, BRONZE_QUARANTINE, Table
from payments_contracts.topics import INGESTION_DLQ, TOPICS, VALIDATION_DLQ, Topic

from archiver.rows import (
    MakeRow,
    MakeUnreadable,
    archived,
    archived_unreadable,
    quarantined,
    quarantined_unreadable,
)

SERVICE = "archiver"


@dataclass(frozen=True, slots=True)
class Stream:
    """Topics that go into one table, and how their records become rows."""

    table: Table
    topics: tuple[Topic, ...]
    row: MakeRow
    unreadable: MakeUnreadable


_DEAD_LETTERS = (INGESTION_DLQ, VALIDATION_DLQ)

STREAMS = (
    Stream(
        BRONZE_PROVIDER_EVENTS,
        # Of every provider of the contracts: one that is switched off is still archived up to its topic's end.
        tuple(each for each in TOPICS if SERVICE in each.consumers and each not in _DEAD_LETTERS),
        archived,
        archived_unreadable,
    ),
    Stream(BRONZE_QUARANTINE, _DEAD_LETTERS, quarantined, quarantined_unreadable),
)
