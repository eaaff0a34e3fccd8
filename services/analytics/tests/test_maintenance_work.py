"""What is done to a table, and when: on statements that are recorded, and answered as Trino would."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from typing import Any

import pytest
from analytics.maintenance.lake import AbsentTableError
from analytics.maintenance.work import (
    Partition,
    Report,
    RowsLostError,
    choose,
    compact,
    expire,
    measure,
    remove_orphans,
)
from kit.errors import Fault
from payments_contracts.maintenance import Maintenance

STREAMED = Maintenance(
    namespace="bronze",
    name="events",
    writer="orchestrator",
    partition=(("at", "day"),),
    small_file_mib=32,
    small_files=20,
    manifests=50,
    keep_snapshots_hours=24,
    keep_orphans_hours=12,
)
BUILT = Maintenance(
    namespace="silver",
    name="cleaned",
    writer="analytics",
    partition=(),
    small_file_mib=16,
    small_files=20,
    manifests=50,
    keep_snapshots_hours=24,
    keep_orphans_hours=12,
)
MARCH_1, MARCH_2 = date(2025, 3, 1), date(2025, 3, 2)


class FakeTrino:
    """Answers questions about a table, and counts what each statement that changes it did."""

    catalog = "lake"

    def __init__(
        self,
        files: Sequence[Sequence[Any]] = (),
        *,
        manifests: int = 3,
        snapshots: int = 2,
        lost: Sequence[Sequence[int]] = (),
    ) -> None:
        self.changes: list[str] = []
        self._files, self._manifests, self._snapshots, self._lost = files, manifests, snapshots, lost

    def history_kept(self, namespace: str, name: str) -> AbstractContextManager[None]:
        return nullcontext()

    def ask(self, statement: str) -> Sequence[Sequence[Any]]:
        if statement.startswith("alter"):
            self.changes.append(statement.removeprefix("alter table lake."))
            return [["rewritten_data_files_count", 7]]
        if statement.startswith("describe"):
            return [["content"], ["partition"]]
        if "difference" in statement:
            return self._lost
        if "$files" in statement:
            return self._files
        return [[self._manifests if "$manifests" in statement else self._snapshots]]


class NoTable(FakeTrino):
    def ask(self, statement: str) -> Sequence[Sequence[Any]]:
        raise AbsentTableError(statement)


@pytest.fixture
def clock() -> Callable[[], float]:
    """A clock that goes on by a second whenever it is looked at."""
    seconds: Iterator[float] = iter(range(1_000))
    return lambda: float(next(seconds))


def partition(value: date | None, small: int) -> Partition:
    return Partition(value, files=small, small=small, size=small * 1_000, rows=small)


def row(value: date | None, small: int) -> list[Any]:
    return [value, small, small, small * 1_000, small]


def test_merges_the_partitions_with_many_small_files_fullest_first() -> None:
    days = (partition(MARCH_1, 20), partition(date(2025, 2, 28), 19), partition(MARCH_2, 300))
    assert list(choose(STREAMED, days)) == [
        "where at >= timestamp '2025-03-02 00:00:00 UTC' and at < timestamp '2025-03-03 00:00:00 UTC'",
        "where at >= timestamp '2025-03-01 00:00:00 UTC' and at < timestamp '2025-03-02 00:00:00 UTC'",
    ]


def test_merges_the_partition_of_rows_without_a_time() -> None:
    assert list(choose(STREAMED, (partition(None, 20),))) == ["where at is null"]


def test_merges_a_table_whose_partitions_the_contract_does_not_tell_in_one_go() -> None:
    assert list(choose(BUILT, (partition(None, 20), partition(None, 30)))) == [""]


def test_leaves_a_table_of_few_small_files_alone() -> None:
    trino = FakeTrino([row(MARCH_1, 19)])
    assert compact(trino, STREAMED, seconds=60).note == "nothing is due"
    assert trino.changes == []


def compact_in_a_minute(lake: Any, table: Maintenance) -> Report:
    return compact(lake, table, seconds=60)


def test_a_table_without_rows_is_said_to_be_empty() -> None:
    assert compact(FakeTrino(), STREAMED, seconds=60).note == "it is empty"


@pytest.mark.parametrize("work", [compact_in_a_minute, expire, remove_orphans])
def test_a_table_that_was_never_written_to_is_left_alone(work: Callable[[Any, Maintenance], Report]) -> None:
    # Trino fails when it is asked for the files of such a table.
    trino = FakeTrino([["no", "such", "question"]], snapshots=0)
    assert work(trino, STREAMED).note == "it is empty"
    assert trino.changes == []


@pytest.mark.parametrize("work", [compact_in_a_minute, expire, remove_orphans])
def test_a_table_that_does_not_exist_yet_is_not_a_failure(work: Callable[[Any, Maintenance], Report]) -> None:
    trino = NoTable()
    assert "bronze.events does not exist yet" in work(trino, STREAMED).note
    assert trino.changes == []


def test_a_file_is_small_by_the_size_in_the_contract() -> None:
    trino = FakeTrino([row(None, 20)])
    report = compact(trino, BUILT, seconds=60)
    assert trino.changes == ["silver.cleaned execute optimize(file_size_threshold => '16MB')"]
    assert report.done == {"rewritten_data_files_count": 7}


def test_manifests_are_merged_once_there_are_as_many_as_the_contract_says() -> None:
    trino = FakeTrino([row(MARCH_1, 1)], manifests=50)
    compact(trino, STREAMED, seconds=60)
    assert trino.changes == ["bronze.events execute optimize_manifests"]


def test_begins_no_merge_once_the_time_is_up(clock: Callable[[], float]) -> None:
    trino = FakeTrino([row(MARCH_1, 30), row(MARCH_2, 40)], manifests=50)
    report = compact(trino, STREAMED, seconds=2, now=clock)
    assert [change.partition(" where ")[2][:33] for change in trino.changes] == ["at >= timestamp '2025-03-02 00:00"]
    assert report.note == "the time is up; the next run goes on"


def test_a_rewrite_that_changes_the_number_of_rows_is_a_fault() -> None:
    trino = FakeTrino([row(MARCH_1, 30)], lost=[[4711, -2]])
    with pytest.raises(RowsLostError, match="snapshot 4711 changed the number of rows by -2"):
        compact(trino, STREAMED, seconds=60)


def test_keeps_snapshots_and_orphans_for_as_long_as_the_contract_says() -> None:
    trino = FakeTrino([row(MARCH_1, 1)])
    expire(trino, STREAMED)
    remove_orphans(trino, STREAMED)
    assert trino.changes == [
        "bronze.events execute expire_snapshots(retention_threshold => '24h')",
        "bronze.events execute remove_orphan_files(retention_threshold => '12h')",
    ]


def test_adds_up_what_the_partitions_hold() -> None:
    state = measure(FakeTrino([row(MARCH_1, 2), row(MARCH_2, 3)]), STREAMED)
    assert state.figures() == {"rows": 5, "files": 5, "small": 5, "bytes": 5_000, "manifests": 3, "snapshots": 2}


def test_a_name_that_is_none_never_reaches_a_statement() -> None:
    trino = FakeTrino()
    trino.catalog = "lake; drop table x"
    with pytest.raises(Fault, match="is not a valid name"):
        expire(trino, STREAMED)
