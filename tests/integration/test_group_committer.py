"""The group committer on the real catalog and object store, each test with a table of its own."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kit.errors import Fault, Transient
from kit.lake import GroupCommitter, GroupPolicy, IcebergTarget, Outcome, Row, load_catalog, open_target
from kit.settings import LakeSettings
from pyiceberg.catalog import Catalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import DayTransform
from pyiceberg.types import (
    BooleanType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    StructType,
    TimestamptzType,
)

pytestmark = pytest.mark.integration

NAMESPACE = "committer_tests"
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
SCHEMA = Schema(
    NestedField(1, "id", StringType(), required=True),
    NestedField(2, "amount", LongType(), required=True),
    NestedField(3, "at", TimestamptzType(), required=True),
    NestedField(4, "extra", MapType(5, StringType(), 6, StringType(), value_required=True), required=True),
    NestedField(7, "tags", ListType(8, StringType(), element_required=True), required=True),
    NestedField(9, "advice", StructType(NestedField(10, "retry", BooleanType(), required=True))),
)
Identifier = tuple[str, str]


@pytest.fixture(scope="module")
def catalog(stack: Mapping[str, str]) -> Catalog:
    settings = LakeSettings.model_validate({name.lower(): value for name, value in stack.items()})
    catalog = load_catalog(settings)
    catalog.create_namespace_if_not_exists(NAMESPACE)
    return catalog


@pytest.fixture
def identifier(catalog: Catalog) -> Iterator[Identifier]:
    """A table whose commits the library itself would retry, as the contract's tables have it."""
    identifier = (NAMESPACE, f"t_{uuid.uuid4().hex}")
    catalog.create_table(
        identifier,
        SCHEMA,
        partition_spec=PartitionSpec(PartitionField(3, 1000, DayTransform(), "at_day")),
        properties={"commit.retry.num-retries": "10"},
    )
    yield identifier
    catalog.drop_table(identifier)


def target_of(catalog: Catalog, identifier: Identifier, keep_snapshots: int = 10) -> IcebergTarget:
    return open_target(catalog, identifier, key="id", narrow_by="at", keep_snapshots=keep_snapshots)


@pytest.fixture
def target(catalog: Catalog, identifier: Identifier) -> IcebergTarget:
    return target_of(catalog, identifier)


@pytest.fixture
async def committer(target: IcebergTarget) -> AsyncIterator[GroupCommitter]:
    async with GroupCommitter(target, key="id", policy=GroupPolicy(max_wait_seconds=0.1)) as committer:
        yield committer


def row(key: str, **changes: object) -> Row:
    plain: dict[str, object] = {
        "id": key,
        "amount": 5,
        "at": NOON,
        "extra": {"k": "v"},
        "tags": ["x", "y"],
        "advice": {"retry": True},
    }
    return plain | changes


def rows_in(catalog: Catalog, identifier: Identifier) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = catalog.load_table(identifier).scan().to_arrow().to_pylist(maps_as_pydicts="strict")
    return found


def counts(catalog: Catalog, identifier: Identifier) -> Counter[str]:
    return Counter(str(row["id"]) for row in rows_in(catalog, identifier))


def snapshots(catalog: Catalog, identifier: Identifier) -> int:
    return len(catalog.load_table(identifier).metadata.snapshots)


async def test_rows_that_arrive_together_are_one_snapshot(
    catalog: Catalog, identifier: Identifier, committer: GroupCommitter
) -> None:
    outcomes = await asyncio.gather(*(committer.append(row(f"k{n}"), absent_at=None) for n in range(300)))
    assert set(outcomes) == {Outcome.APPENDED}
    assert len(counts(catalog, identifier)) == 300
    assert snapshots(catalog, identifier) == 1


async def test_values_come_back_as_they_were(
    catalog: Catalog, identifier: Identifier, committer: GroupCommitter
) -> None:
    wanted = row("a", at=NOON + timedelta(milliseconds=1), extra={}, tags=[], advice=None)
    await committer.append(wanted, absent_at=committer.mark())
    assert rows_in(catalog, identifier) == [wanted]


async def test_a_row_of_an_earlier_process_is_found_by_its_key(
    catalog: Catalog, identifier: Identifier, committer: GroupCommitter
) -> None:
    await asyncio.gather(
        *(committer.append(row(f"k{n}", at=NOON + n * timedelta(hours=7)), absent_at=None) for n in range(9))
    )
    async with GroupCommitter(target_of(catalog, identifier), key="id") as restarted:
        again = await asyncio.gather(
            *(restarted.append(row(f"k{n}", at=NOON + n * timedelta(hours=7)), absent_at=None) for n in range(11))
        )
    assert again == [Outcome.ALREADY_THERE] * 9 + [Outcome.APPENDED] * 2
    assert set(counts(catalog, identifier).values()) == {1}


async def test_expiry_keeps_the_number_of_snapshots_small_and_what_tags_and_branches_need(
    catalog: Catalog, identifier: Identifier
) -> None:
    policy = GroupPolicy(max_rows=1, max_wait_seconds=0.0)
    async with GroupCommitter(target_of(catalog, identifier, keep_snapshots=2), key="id", policy=policy) as committer:
        for n in range(9):
            await committer.append(row(f"k{n}"), absent_at=committer.mark())
            head = catalog.load_table(identifier)
            if n == 3:
                head.manage_snapshots().create_tag(head.metadata.current_snapshot_id or 0, "kept").commit()
            if n == 5:
                head.manage_snapshots().create_branch(head.metadata.current_snapshot_id or 0, "aside").commit()
    table = catalog.load_table(identifier)
    assert set(table.refs()) == {"main", "kept", "aside"}
    # Two of the main branch, the tag's and the branch's; a commit that was under way may not have known of the branch
    # yet, and have dropped what was old of it.
    assert 4 <= snapshots(catalog, identifier) <= 5
    assert len(counts(catalog, identifier)) == 9


async def test_a_column_added_meanwhile_is_taken_as_null(
    catalog: Catalog, identifier: Identifier, committer: GroupCommitter
) -> None:
    await committer.append(row("a"), absent_at=committer.mark())
    with catalog.load_table(identifier).update_schema() as change:
        change.add_column("note", StringType())
    await committer.append(row("b"), absent_at=committer.mark())
    await committer.append(row("c"), absent_at=None)
    assert {found["id"]: found["note"] for found in rows_in(catalog, identifier)} == {"a": None, "b": None, "c": None}


async def test_a_missing_table_is_a_fault(catalog: Catalog) -> None:
    with pytest.raises(Fault, match="create the tables"):
        open_target(catalog, (NAMESPACE, "absent"), key="id")


async def test_a_catalog_that_does_not_answer_is_transient(stack: Mapping[str, str]) -> None:
    settings = LakeSettings.model_validate(
        {name.lower(): value for name, value in stack.items()} | {"catalog_uri": "http://127.0.0.1:9"}
    )
    with pytest.raises(Transient, match="does not answer"):
        load_catalog(settings)
