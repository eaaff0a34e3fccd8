"""Tables for tests of what is written to the lake, and catalogs whose answers get lost."""

import threading
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kit.lake import IcebergTarget, Row
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitStateUnknownException, ServiceUnavailableError
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.transforms import DayTransform
from pyiceberg.types import LongType, NestedField, StringType, TimestamptzType

NAMESPACE = "committer_tests"
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
SCHEMA = Schema(
    NestedField(1, "id", StringType(), required=True),
    NestedField(2, "amount", LongType(), required=True),
    NestedField(3, "at", TimestamptzType(), required=True),
)
PARTITIONS = PartitionSpec(PartitionField(3, 1000, DayTransform(), "at_day"))

Identifier = tuple[str, str]
Send = Callable[[], Any]
Fault = Callable[[Send], Any]
"""What becomes of one request: it is given the request, and may send it, more than once, or not."""


def local_catalog(folder: Path) -> Catalog:
    """Make a catalog of files on this machine, for threads and processes."""
    catalog = SqlCatalog("local", uri=f"sqlite:///{folder}/catalog.db", warehouse=folder.as_uri())
    catalog.create_namespace(NAMESPACE)
    return catalog


def new_table(catalog: Catalog) -> Identifier:
    """Make a table whose commits the library itself would retry, as the contract's tables have it."""
    identifier = (NAMESPACE, f"t_{uuid.uuid4().hex}")
    catalog.create_table(identifier, SCHEMA, partition_spec=PARTITIONS, properties={"commit.retry.num-retries": "10"})
    return identifier


def row(key: str, minutes: float = 0.0, **changes: object) -> Row:
    """Return a row of such a table; its time is a number of minutes after noon."""
    return {"id": key, "amount": 5, "at": NOON + timedelta(minutes=minutes)} | changes


def counts(catalog: Catalog, identifier: Identifier) -> Counter[str]:
    """Read the table with the library and count each key."""
    found = catalog.load_table(identifier).scan(selected_fields=("id",)).to_arrow()
    return Counter(found.column("id").to_pylist())


@dataclass(slots=True)
class Faulty:
    """Stands between one writer and a catalog: each commit, and each look at the table, meets the next fault."""

    catalog: Catalog
    lock: threading.Lock
    commits: list[Fault] = field(default_factory=list)
    looks: list[Fault] = field(default_factory=list)

    def target(self, identifier: Identifier, **options: Any) -> IcebergTarget:
        """Return a target that writes through this."""
        return IcebergTarget(self.load_table(identifier), key="id", narrow_by="at", **options)

    def load_table(self, identifier: Identifier) -> Table:
        """Load a table whose catalog is this."""
        table: Table = self._meet(self.looks, lambda: self.catalog.load_table(identifier))
        table.catalog = self  # type: ignore[assignment]  # of a catalog, a target needs only these two methods
        return table

    def commit_table(self, *arguments: Any) -> Any:
        """Send a commit."""
        return self._meet(self.commits, lambda: self.catalog.commit_table(*arguments))

    def _meet(self, faults: list[Fault], send: Send) -> Any:
        def alone() -> Any:
            # SQLite serves one writer at a time.
            with self.lock:
                return send()

        return faults.pop(0)(alone) if faults else alone()


def lost_on_the_way(_send: Send) -> Any:
    """The request does not arrive."""
    raise ServiceUnavailableError("the catalog is away")


def answer_lost(send: Send) -> Any:
    """The request does what it should, and its answer is lost."""
    send()
    raise CommitStateUnknownException("the answer was lost")


def sent_twice(send: Send) -> Any:
    """A proxy loses the answer, sends the request again and passes the second answer on."""
    send()
    return send()
