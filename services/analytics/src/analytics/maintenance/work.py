"""What is done to a table, and what it did: each function is one kind of maintenance of one table.

Each may be repeated at any time, and all but `forget` leave the rows as they are. Trino's commits build on what writers
have appended meanwhile; only a writer that deletes rows of the very files (a MERGE) makes them fail, without an effect.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from kit.clock import utc_now
from kit.errors import Fault
from payments_contracts.maintenance import Maintenance

from analytics.maintenance.lake import AbsentTableError, Rows

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
_DATA, _POSITION_DELETES = 0, 1
_EMPTY = "it is empty"


class Statements(Protocol):
    """Whatever runs a statement of Trino; see `analytics.maintenance.lake.Lake`."""

    catalog: str

    def ask(self, statement: str) -> Rows:
        """Run a statement and return its rows."""

    def history_kept(self, namespace: str, name: str) -> AbstractContextManager[None]:
        """Have the table's committers keep its history meanwhile, without which a rewrite could not commit."""


class RowsLostError(Fault):
    """A rewrite of files did not hold the rows of the files that it replaced."""


@dataclass(frozen=True, slots=True)
class Partition:
    """The files of one partition of a table.

    `value` is the day where the contract partitions the table by days, else None. A file of deletes counts as small:
    merging takes it away.
    """

    value: date | None
    files: int
    small: int
    size: int
    rows: int


@dataclass(frozen=True, slots=True)
class State:
    """What a table is made of; `size` is in bytes and counts its current files."""

    partitions: tuple[Partition, ...]
    manifests: int
    snapshots: int

    def figures(self) -> dict[str, int]:
        """The totals by name."""
        totals = {name: sum(getattr(each, name) for each in self.partitions) for name in ("rows", "files", "small")}
        size = sum(each.size for each in self.partitions)
        return {**totals, "bytes": size, "manifests": self.manifests, "snapshots": self.snapshots}


@dataclass(frozen=True, slots=True)
class Report:
    """What one kind of maintenance did to a table: `done` holds what Trino counted, `note` why nothing was done."""

    before: State | None
    after: State | None
    done: dict[str, int]
    note: str = ""


def compact(
    lake: Statements, table: Maintenance, *, seconds: float, now: Callable[[], float] = time.monotonic
) -> Report:
    """Merge the small files of the partitions that have many, fullest first, then the manifests if there are many.

    No merge is begun once `seconds` are over: what is left, the next run does.

    Raises:
        RowsLostError: A merged file does not hold the rows of those that it replaces.
        Transient: Trino is away, or another writer came first.
        Fault: Trino refuses.
    """
    deadline = now() + seconds
    try:
        before = measure(lake, table)
    except AbsentTableError:
        return Report(None, None, {}, _absent(table))
    if not before.partitions:
        return Report(before, before, {}, _EMPTY)
    done: dict[str, int] = {}
    note = ""
    for clause in choose(table, before.partitions):
        if now() >= deadline:
            note = "the time is up; the next run goes on"
            break
        with lake.history_kept(table.namespace, table.name):
            _add(done, _execute(lake, table, f"optimize(file_size_threshold => '{table.small_file_mib}MB')", clause))
    # Each merge of files leaves manifests of its own.
    if not note and _count_of(lake, table, "manifests") >= table.manifests:
        _add(done, _execute(lake, table, "optimize_manifests"))
    if not done:
        return Report(before, before, done, note or "nothing is due")
    _require_same_rows(lake, table)
    return Report(before, measure(lake, table), done, note)


def forget(lake: Statements, table: Maintenance, *, now: Callable[[], datetime] = utc_now) -> Report:
    """Delete rows of the days that the contract keeps no longer; their files go with the snapshots that name them.

    Raises:
        Transient: Trino is away, or another writer came first.
        Fault: Trino refuses.
    """
    if table.retention_days is None:
        return Report(None, None, {}, "its rows stay for ever")
    try:
        before = measure(lake, table)
    except AbsentTableError:
        return Report(None, None, {}, _absent(table))
    if not before.partitions:
        return Report(before, before, {}, _EMPTY)
    if not by_day(table):
        raise Fault(f"{table.identifier} keeps rows for some days and is not partitioned by days: correct its contract")
    first = now().astimezone(UTC).date() - timedelta(days=table.retention_days)
    older = f"{_name(table.partition[0][0])} < {_midnight(first)}"
    count = int(lake.ask(f"select count(*) from {_qualified(lake, table)} where {older}")[0][0])  # noqa: S608  # names of the contract
    if not count:
        return Report(before, before, {}, "nothing is due")
    lake.ask(f"delete from {_qualified(lake, table)} where {older}")  # noqa: S608  # names of the contract
    return Report(before, measure(lake, table), {"deleted_rows": count})


def expire(lake: Statements, table: Maintenance) -> Report:
    """Drop the snapshots that are older than the contract keeps, with the files that only they name.

    Raises:
        Transient: Trino is away, or another writer came first.
        Fault: Trino refuses.
    """
    return _clean(lake, table, f"expire_snapshots(retention_threshold => '{table.keep_snapshots_hours}h')")


def remove_orphans(lake: Statements, table: Maintenance) -> Report:
    """Delete files of the table that no snapshot names and that are older than the contract keeps such.

    Raises:
        Transient: Trino is away.
        Fault: Trino refuses.
    """
    return _clean(lake, table, f"remove_orphan_files(retention_threshold => '{table.keep_orphans_hours}h')")


def measure(lake: Statements, table: Maintenance) -> State:
    """Return what a table is made of now.

    Raises:
        AbsentTableError: There is no such table.
    """
    snapshots = _count_of(lake, table, "snapshots")
    if not snapshots:
        # Trino fails on the files of a table that nobody has written to yet.
        return State((), manifests=0, snapshots=0)
    value = f"partition.{table.partition[0][0]}_day" if by_day(table) else "cast(null as date)"
    grouped = "partition" if _is_partitioned(lake, table) else "content < 0"
    small = table.small_file_mib * 1024 * 1024
    found = lake.ask(
        f"select {value}, count_if(content = {_DATA}), count_if(content <> {_DATA} or file_size_in_bytes < {small}),"  # noqa: S608  # names and numbers of the contract
        " sum(file_size_in_bytes),"
        f" sum(case content when {_DATA} then record_count when {_POSITION_DELETES} then -record_count else 0 end)"
        f" from {_metadata(lake, table, 'files')} group by {grouped}"
    )
    partitions = tuple(Partition(*each) for each in found)
    return State(partitions, _count_of(lake, table, "manifests"), snapshots)


def by_day(table: Maintenance) -> bool:
    """Whether the contract partitions the table by days of one column, so that a partition can be named."""
    return len(table.partition) == 1 and table.partition[0][1] == "day"


def choose(table: Maintenance, partitions: tuple[Partition, ...]) -> Iterator[str]:
    """Yield the conditions of the merges that are due: a partition each where it can be named, else all at once."""
    crowded = sorted(
        (each for each in partitions if each.small >= table.small_files), key=lambda each: each.small, reverse=True
    )
    if crowded and not by_day(table):
        yield ""
        return
    for each in crowded:
        column = _name(table.partition[0][0])
        if each.value is None:
            yield f"where {column} is null"
        else:
            first, following = (_midnight(day) for day in (each.value, each.value + timedelta(days=1)))
            yield f"where {column} >= {first} and {column} < {following}"


def _clean(lake: Statements, table: Maintenance, procedure: str) -> Report:
    try:
        before = measure(lake, table)
    except AbsentTableError:
        return Report(None, None, {}, _absent(table))
    if not before.snapshots:
        return Report(before, before, {}, _EMPTY)
    done = _execute(lake, table, procedure)
    return Report(before, measure(lake, table), done)


def _execute(lake: Statements, table: Maintenance, procedure: str, condition: str = "") -> dict[str, int]:
    counted = lake.ask(f"alter table {_qualified(lake, table)} execute {procedure} {condition}".rstrip())
    return {str(name): int(value) for name, value in counted}


def _require_same_rows(lake: Statements, table: Maintenance) -> None:
    """Every rewrite that the table still tells of added the rows that it took away, those deleted before apart."""
    lost = lake.ask(
        "select snapshot_id, difference from (select snapshot_id,"  # noqa: S608  # names of the contract
        " coalesce(cast(element_at(summary, 'added-records') as bigint), 0)"
        " - coalesce(cast(element_at(summary, 'deleted-records') as bigint), 0)"
        " + coalesce(cast(element_at(summary, 'removed-position-deletes') as bigint), 0) as difference"
        f" from {_metadata(lake, table, 'snapshots')} where operation = 'replace') where difference <> 0"
    )
    if lost:
        snapshot, difference = lost[0]
        raise RowsLostError(
            f"the rewrite in snapshot {snapshot} changed the number of rows by {difference}. Stop the schedules of"
            " maintenance, and roll the table back to the snapshot before while it is kept."
        )


def _is_partitioned(lake: Statements, table: Maintenance) -> bool:
    return any(column[0] == "partition" for column in lake.ask(f"describe {_metadata(lake, table, 'files')}"))


def _count_of(lake: Statements, table: Maintenance, what: str) -> int:
    return int(lake.ask(f"select count(*) from {_metadata(lake, table, what)}")[0][0])  # noqa: S608  # names of the contract


def _add(done: dict[str, int], counted: dict[str, int]) -> None:
    for name, value in counted.items():
        done[name] = done.get(name, 0) + value


def _qualified(lake: Statements, table: Maintenance) -> str:
    return ".".join(_name(each) for each in (lake.catalog, table.namespace, table.name))


def _metadata(lake: Statements, table: Maintenance, what: str) -> str:
    return f'{_name(lake.catalog)}.{_name(table.namespace)}."{_name(table.name)}${what}"'


def _name(text: str) -> str:
    if not _IDENTIFIER.fullmatch(text):
        raise Fault(f"{text!r} is not a valid name of a table, column or catalog of the lake")
    return text


def _midnight(day: date) -> str:
    return f"timestamp '{day} 00:00:00 UTC'"


def _absent(table: Maintenance) -> str:
    return f"{table.identifier} does not exist yet: `payments tables apply` makes Bronze, a run of `refresh` the others"
