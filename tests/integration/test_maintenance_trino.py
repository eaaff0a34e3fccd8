"""Maintenance of tables by the real Trino, while the real committer appends to them."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from analytics.maintenance.lake import Lake
from analytics.maintenance.work import Report, compact, expire, remove_orphans
from kit.lake import GroupCommitter, GroupPolicy, Outcome, load_catalog, open_target
from kit.settings import LakeSettings, TrinoSettings
from payments_contracts.maintenance import Maintenance
from pyiceberg.catalog import Catalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import DayTransform
from pyiceberg.types import LongType, NestedField, StringType, TimestamptzType

pytestmark = [pytest.mark.integration, pytest.mark.trino]

NAMESPACE = "maintenance_tests"
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
Work = Callable[[Lake, Maintenance], Report]
SCHEMA = Schema(
    NestedField(1, "id", StringType(), required=True),
    NestedField(2, "amount", LongType(), required=True),
    NestedField(3, "at", TimestamptzType(), required=True),
)


@pytest.fixture(scope="module")
def catalog(stack: Mapping[str, str]) -> Catalog:
    settings = LakeSettings.model_validate({name.lower(): value for name, value in stack.items()})
    catalog = load_catalog(settings)
    catalog.create_namespace_if_not_exists(NAMESPACE)
    return catalog


@pytest.fixture(scope="module")
def lake(stack: Mapping[str, str], catalog: Catalog) -> Iterator[Lake]:
    settings = TrinoSettings.model_validate({name.lower(): value for name, value in stack.items()})
    lake = Lake(settings, statement_seconds=200, open_catalog=lambda: catalog)
    yield lake
    lake.close()


@pytest.fixture
def table(catalog: Catalog) -> Iterator[Maintenance]:
    """A table as Bronze is, merged from five files on; what is no longer needed goes at once."""
    name = "events_" + "".join(chr(ord("a") + int(digit, 16)) for digit in uuid.uuid4().hex[:12])
    catalog.create_table(
        (NAMESPACE, name),
        SCHEMA,
        partition_spec=PartitionSpec(PartitionField(3, 1000, DayTransform(), "at_day")),
        properties={"commit.retry.num-retries": "10"},
    )
    yield maintained(name)
    catalog.drop_table((NAMESPACE, name))


def maintained(name: str) -> Maintenance:
    return Maintenance(
        namespace=NAMESPACE,
        name=name,
        writer="orchestrator",
        partition=(("at", "day"),),
        small_file_mib=32,
        small_files=5,
        manifests=5,
        keep_snapshots_hours=0,
        keep_orphans_hours=0,
    )


@pytest.fixture
async def committer(catalog: Catalog, table: Maintenance) -> AsyncIterator[GroupCommitter]:
    target = open_target(catalog, (NAMESPACE, table.name), key="id", narrow_by="at", keep_snapshots=10)
    async with GroupCommitter(target, key="id", policy=GroupPolicy(max_wait_seconds=0.5)) as committer:
        yield committer


def totals(lake: Lake, table: Maintenance) -> list[Any]:
    return list(lake.ask(f"select count(*), count(distinct id), sum(amount) from {table.identifier}")[0])  # noqa: S608  # the table is ours


async def append(committer: GroupCommitter, number: int) -> Outcome:
    row = {"id": f"event {number}", "amount": number, "at": NOON}
    return await committer.append(row, absent_at=committer.mark())


async def test_appends_go_on_while_files_are_merged_and_no_row_is_lost_or_repeated(
    lake: Lake, table: Maintenance, committer: GroupCommitter
) -> None:
    outcomes: list[Outcome] = []
    merged = asyncio.Event()

    async def stream() -> None:
        while not merged.is_set() or len(outcomes) < 30:
            outcomes.append(await append(committer, len(outcomes)))

    async with asyncio.TaskGroup() as group:
        group.create_task(stream())
        rewritten = 0
        while rewritten < 20:
            report = await asyncio.to_thread(compact, lake, table, seconds=200)
            rewritten += report.done.get("rewritten_data_files_count", 0)
        merged.set()
    count = len(outcomes)
    assert set(outcomes) == {Outcome.APPENDED}
    assert totals(lake, table) == [count, count, sum(range(count))]


async def test_cleaning_after_merging_leaves_few_files_and_every_row(
    catalog: Catalog, lake: Lake, table: Maintenance, committer: GroupCommitter
) -> None:
    for number in range(12):
        await append(committer, number)
    await committer.close()
    before = totals(lake, table)
    stored = catalog.load_table((NAMESPACE, table.name))
    small = [task.file.file_path for task in stored.scan().plan_files()]
    abandoned = f"{stored.location()}/data/of-a-commit-that-never-came.parquet"
    with stored.io.new_output(abandoned).create() as file:
        file.write(b"rows")

    merged = compact(lake, table, seconds=200)
    expire(lake, table)
    cleaned = remove_orphans(lake, table)

    assert merged.before is not None
    assert cleaned.after is not None
    assert merged.before.figures()["files"] == 12
    assert {name: cleaned.after.figures()[name] for name in ("files", "manifests", "snapshots", "rows")} == {
        "files": 1,
        "manifests": 1,
        "snapshots": 1,
        "rows": 12,
    }
    assert not stored.io.new_input(abandoned).exists()
    # The small files went with the last snapshot that named them.
    assert not any(stored.io.new_input(path).exists() for path in small)
    assert totals(lake, table) == before


async def test_rows_that_were_deleted_stay_deleted_and_their_files_of_deletes_go(
    lake: Lake, table: Maintenance, committer: GroupCommitter
) -> None:
    for number in range(6):
        await append(committer, number)
    lake.ask(f"insert into {table.identifier} select id || 'x', amount + 100, at from {table.identifier}")  # noqa: S608  # the table is ours
    lake.ask(f"delete from {table.identifier} where amount in (101, 103)")  # noqa: S608  # as above
    before = totals(lake, table)
    report = compact(lake, table, seconds=200)
    assert report.before is not None
    assert report.after is not None
    assert report.done["removed_delete_files_count"] == 1
    assert (report.before.figures()["rows"], report.after.figures()["rows"]) == (10, 10)
    assert totals(lake, table) == before


def compact_all(lake: Lake, table: Maintenance) -> Report:
    return compact(lake, table, seconds=200)


@pytest.mark.parametrize("work", [compact_all, expire, remove_orphans])
def test_a_table_that_was_never_written_to_is_left_alone(lake: Lake, table: Maintenance, work: Work) -> None:
    assert work(lake, table).note == "it is empty"


@pytest.mark.parametrize("work", [compact_all, expire, remove_orphans])
def test_a_table_that_does_not_exist_is_told_of_and_no_failure(lake: Lake, work: Work) -> None:
    assert "does not exist yet" in work(lake, maintained("nowhere")).note
