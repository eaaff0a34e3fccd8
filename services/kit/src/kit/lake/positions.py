"""Up to where a stream has been written to a table, kept with the table itself, so that both move in one commit.

A snapshot of ours tells it in its summary. Snapshots of others (a compaction, a deletion) tell none: then that of the
nearest ancestor holds, which such a snapshot leaves true. The summary is gone once its snapshot has been expired, so
each commit also sets a property of the table.
"""

import json
from collections.abc import Mapping

from pyiceberg.table.metadata import TableMetadata

from kit.errors import Fault

Positions = Mapping[str, int]
"""For each part of a stream, by name, the position of the next record to be written."""

SUMMARY = "stream.positions"
"""Of a snapshot's summary."""
PROPERTY = "stream.positions"
"""Of a table's properties: the same as in the newest snapshot of ours, as long as nobody rolls the table back."""


def stored(metadata: TableMetadata) -> Positions:
    """Return up to where a stream has been written to the current state of a table; nothing where none was.

    After a rollback that is what the table is rolled back to, as long as its snapshots are there.

    Raises:
        Fault: What the table tells is no positions.
    """
    snapshot = metadata.current_snapshot()
    while snapshot is not None:
        summary = snapshot.summary
        told = None if summary is None else summary.additional_properties.get(SUMMARY)
        if told is not None:
            return _read(told)
        if snapshot.parent_snapshot_id is None:
            # The history is whole and tells none: the property, if there is one, is of rows that were rolled back.
            return {}
        snapshot = metadata.snapshot_by_id(snapshot.parent_snapshot_id)
    told = metadata.properties.get(PROPERTY)
    return {} if told is None else _read(told)


def written(positions: Positions) -> str:
    """Return positions as summaries and properties hold them."""
    return json.dumps(dict(sorted(positions.items())), separators=(",", ":"))


def _read(text: str) -> Positions:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(each, int) for each in found.values()):
        raise Fault(f"{SUMMARY} of the table is not a JSON object of numbers: somebody has changed it by hand")
    return found
