"""A row that comes again, and came at another time: it is found by when it was made."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from kit.errors import Fault
from kit.lake import IcebergTarget, Mark, Pending, Written, open_target
from pyiceberg.catalog import Catalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import DayTransform
from pyiceberg.types import NestedField, StringType, TimestamptzType

from tests.lakes import NAMESPACE, NOON, counts, local_catalog

TABLE = (NAMESPACE, "deliveries")
SCHEMA = Schema(
    NestedField(1, "id", StringType(), required=True),
    NestedField(2, "made", TimestamptzType(), required=True),
    NestedField(3, "came", TimestamptzType(), required=True),
)
BY_DAY_OF_COMING = PartitionSpec(PartitionField(3, 1000, DayTransform(), "came_day"))
DAY = timedelta(days=1)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    catalog = local_catalog(tmp_path)
    catalog.create_table(TABLE, SCHEMA, partition_spec=BY_DAY_OF_COMING)
    return catalog


def target_of(catalog: Catalog, followed_by: str | None = "came") -> IcebergTarget:
    return open_target(catalog, TABLE, key="id", narrow_by="made", followed_by=followed_by, keep_snapshots=50)


def write(target: IcebergTarget, key: str, made: datetime, came: datetime, *, known: bool = False) -> Written:
    row = {"id": key, "made": made, "came": came}
    return target.begin({key: Pending(row, Mark(0) if known else None)}).step()


@pytest.mark.parametrize("days", [0, 4, 30, 400])
def test_a_row_that_comes_again_is_found_whatever_its_age(catalog: Catalog, days: int) -> None:
    write(target_of(catalog), "a", NOON, NOON + timedelta(seconds=1), known=True)
    for later in range(1, 4):
        write(target_of(catalog), f"other-{later}", NOON + later * DAY, NOON + later * DAY, known=True)
    again = write(target_of(catalog), "a", NOON, NOON + days * DAY + timedelta(seconds=9))
    assert again.already_there == {"a"}
    assert counts(catalog, TABLE)["a"] == 1


def test_a_row_that_came_a_little_before_it_says_it_was_made_is_found(catalog: Catalog) -> None:
    write(target_of(catalog), "a", NOON, NOON - DAY, known=True)
    assert write(target_of(catalog), "a", NOON, NOON + 4 * DAY).already_there == {"a"}


def test_a_look_up_of_today_opens_nothing_of_the_days_before(catalog: Catalog) -> None:
    for day in range(10):
        write(target_of(catalog), f"k{day}", NOON + day * DAY, NOON + day * DAY, known=True)
    opened = {}
    for followed_by in ("came", None):
        target = target_of(catalog, followed_by)
        assert write(target, "k9", NOON + 9 * DAY, NOON + 9 * DAY).already_there == {"k9"}
        opened[followed_by] = (target._table.finder.manifests_read, target._table.finder.files_read)
    assert opened == {"came": (2, 1), None: (10, 1)}


def test_times_of_two_kinds_cannot_narrow_a_look_up(catalog: Catalog) -> None:
    with pytest.raises(Fault, match="column id must hold times of the kind of made"):
        target_of(catalog, "id")
