"""When rows last came into a table, as its snapshots tell it."""

from collections.abc import Iterable

from pyiceberg.table.snapshots import Operation, Snapshot

_BRINGING = frozenset({Operation.APPEND, Operation.OVERWRITE})


def rows_came(snapshots: Iterable[Snapshot]) -> float | None:
    """Return when rows last came, in seconds since 1970: compactions write the same rows anew, cleaning none.

    Where all snapshots that brought rows are expired, it is the time of the oldest that is left: not after that. None
    where nobody has written to the table.
    """
    times = {
        snapshot.timestamp_ms / 1000: snapshot.summary is None or snapshot.summary.operation in _BRINGING
        for snapshot in snapshots
    }
    return max((time for time, is_new in times.items() if is_new), default=min(times, default=None))
