"""A target on a table that gains a column, in a catalog in memory."""

from pathlib import Path

import pytest
from kit.lake import IcebergTarget, Row, UnknownColumn, open_target
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.memory import InMemoryCatalog
from pyiceberg.schema import Schema
from pyiceberg.types import IntegerType, NestedField, StringType

NAME = ("lake", "things")
OLD: Row = {"id": "old"}
NEW: Row = {"id": "new", "attempt": 2}


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    catalog = InMemoryCatalog("test", warehouse=tmp_path.as_uri())
    catalog.create_namespace("lake")
    catalog.create_table(NAME, Schema(NestedField(1, "id", StringType(), required=True)))
    return catalog


@pytest.fixture
def target(catalog: Catalog) -> IcebergTarget:
    return open_target(catalog, NAME, key="id")


def evolve(catalog: Catalog) -> None:
    with catalog.load_table(NAME).update_schema() as update:
        update.add_column("attempt", IntegerType())


def rows_in(catalog: Catalog) -> list[Row]:
    found: list[Row] = catalog.load_table(NAME).scan().to_arrow().sort_by("id").to_pylist()
    return found


def test_a_row_with_a_column_more_is_told_apart_from_a_bad_row(target: IcebergTarget) -> None:
    with pytest.raises(UnknownColumn, match="column attempt is not in the table"):
        target.check(NEW)


def test_rows_of_both_kinds_are_written_after_the_table_has_evolved(catalog: Catalog, target: IcebergTarget) -> None:
    target.append([OLD])
    evolve(catalog)
    assert target.refresh() is False
    target.check(NEW)
    target.append([NEW, {"id": "older"}])
    assert rows_in(catalog) == [NEW, {"id": "old", "attempt": None}, {"id": "older", "attempt": None}]


def test_a_writer_that_has_not_seen_the_change_goes_on_and_then_knows_it(
    catalog: Catalog, target: IcebergTarget
) -> None:
    evolve(catalog)
    target.append([OLD])
    target.check(NEW)
    target.append([NEW])
    assert rows_in(catalog) == [NEW, {"id": "old", "attempt": None}]


def test_keys_are_found_in_files_from_before_and_after_the_change(catalog: Catalog, target: IcebergTarget) -> None:
    target.append([OLD])
    evolve(catalog)
    target.refresh()
    target.append([NEW])
    assert target.present([OLD, NEW, {"id": "other"}]) == {"old", "new"}
