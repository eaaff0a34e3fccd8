"""Up to where a stream has been written to a table, kept with the table itself, so that both move in one commit.

A snapshot of ours tells it in its summary. Snapshots of others (a compaction, a deletion) tell none: then that of the
nearest ancestor holds, which such a snapshot leaves true. The summary is gone once its snapshot has been expired, so
each commit also sets properties of the table: the same, and the sequence number of the snapshot that it is true of.
"""

import json
from collections.abc import Mapping

from pyiceberg.table.metadata import TableMetadata

from kit.errors import Fault

Positions = Mapping[str, int]
"""For each part of a stream, by name, the position of the next record to be written."""

POSITIONS = "stream.positions"
"""Of a snapshot's summary, and of a table's properties."""
SEQUENCE = "stream.sequence"
"""Of a table's properties: the sequence number of the snapshot whose positions they tell."""


def stored(metadata: TableMetadata) -> Positions:
    """Return up to where a stream has been written to the current state of a table; nothing where none was.

    After a rollback that is up to where the state goes that the table was rolled back to.

    Raises:
        Fault: What the table tells is unusable, or of a state that it was rolled back from.
    """
    head = snapshot = metadata.current_snapshot()
    while snapshot is not None:
        summary = snapshot.summary
        told = None if summary is None else summary.additional_properties.get(POSITIONS)
        if told is not None:
            return _read(told)
        parent = snapshot.parent_snapshot_id
        snapshot = None if parent is None else metadata.snapshot_by_id(parent)
    told = metadata.properties.get(POSITIONS)
    if told is None:
        return {}
    sequence = 0 if head is None else head.sequence_number or 0
    if sequence < int(metadata.properties.get(SEQUENCE, "0")):
        raise Fault(
            "the table was rolled back to a state of which no snapshot tells how much of the stream it holds: set its"
            f" property {POSITIONS} to what it holds, and {SEQUENCE} to {sequence}"
        )
    return _read(told)


def summary(positions: Positions) -> dict[str, str]:
    """Return what a snapshot's summary tells of positions."""
    return {POSITIONS: json.dumps(dict(sorted(positions.items())), separators=(",", ":"))}


def properties(positions: Positions, sequence: int) -> dict[str, str]:
    """Return what a table's properties tell of positions, by the sequence number of the snapshot with them."""
    return {**summary(positions), SEQUENCE: str(sequence)}


def _read(text: str) -> Positions:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(each, int) for each in found.values()):
        raise Fault(f"{POSITIONS} of the table is not a JSON object of numbers: somebody has changed it by hand")
    return found
