"""A catalog and a Kafka that tests make up."""

from collections.abc import Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self, cast

from analytics.bronze import Sight
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table.snapshots import Operation, Snapshot, Summary
from requests import ConnectionError as Unreachable

if TYPE_CHECKING:
    from analytics.stream import Stream
    from pyiceberg.catalog import Catalog


READER = "orchestrator"
VERSION = BRONZE_PAYMENT_EVENTS.version
"""Of the contract of Bronze's events."""


def table(rows: int = 0, at: datetime | None = None, columns: tuple[str, ...] = (), version: int = VERSION) -> Any:
    """A table of which the catalog says so."""
    milliseconds = 0 if at is None else int(at.timestamp() * 1000)
    summary = Summary(Operation.APPEND, **{"total-records": str(rows)})
    snapshot = Snapshot(snapshot_id=1, timestamp_ms=milliseconds, manifest_list="", summary=summary)
    return SimpleNamespace(
        metadata=SimpleNamespace(snapshots=[] if at is None else [snapshot]),
        properties={"contract.version": str(version)},
        current_snapshot=lambda: None if at is None else snapshot,
        schema=lambda: SimpleNamespace(fields=[SimpleNamespace(name=name) for name in columns]),
    )


class Waiting:
    """A Kafka with normalized records of some times."""

    def __init__(self, *times: datetime, taken: datetime | None = None) -> None:
        self._times, self._taken = times, taken

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def waiting(self, topic: str, since: datetime | None, before: datetime, group: str | None = None) -> int:
        assert topic == "payments.normalized"
        assert group in (None, READER)
        left = [time for time in self._times if group is None or self._taken is None or time > self._taken]
        return sum((since is None or time >= since) and time < before for time in left)


def sight(tables: Mapping[str, Any], now: datetime, *times: datetime, taken: datetime | None = None) -> Sight:
    """What is seen of these tables, and of normalized records of these times; a table that is None does not answer.

    Those up to `taken` were taken by their reader.
    """

    def load_table(identifier: str) -> Any:
        if identifier not in tables:
            raise NoSuchTableError(identifier)
        if tables[identifier] is None:
            raise Unreachable
        return tables[identifier]

    catalog = cast("Catalog", SimpleNamespace(load_table=load_table))
    return Sight(lambda: catalog, lambda: cast("Stream", Waiting(*times, taken=taken)), READER, lambda: now)
