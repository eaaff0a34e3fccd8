import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.catalog.memory import InMemoryCatalog
from pyiceberg.io import load_file_io
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.types import NestedField, StringType

from tests.performance.chain.lake import LakeWatch, Sighting, visible_at

ARROW = pa.schema([pa.field("event_id", pa.string(), nullable=False)])


def sighting(number: int, seen_at: float) -> Sighting:
    return Sighting(number, number, None, "append", seen_at)


class MemoryPointer:
    """Where the table of a catalog in memory is."""

    def __init__(self, table: Table) -> None:
        self.location = table.metadata_location

    def read(self) -> str:
        if not self.location:
            raise LookupError
        return self.location

    def close(self) -> None:
        pass


class Lake:
    """A table with one writer, and a watch over it."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._pointer = MemoryPointer(table)
        self.append("before")
        self.watch = LakeWatch(self._pointer, load_file_io({}))

    def append(self, *events: str) -> None:
        self.table.append(pa.table({"event_id": list(events)}, schema=ARROW))
        self.publish()

    def publish(self) -> None:
        self._pointer.location = self.table.metadata_location

    def expire(self) -> None:
        """Leave the newest snapshot alone."""
        current = self.table.current_snapshot()
        assert current is not None
        doomed = [each.snapshot_id for each in self.table.snapshots() if each.snapshot_id != current.snapshot_id]
        self.table.maintenance.expire_snapshots().by_ids(doomed).commit()
        self.publish()

    def rewrite(self) -> list[str]:
        """Put the rows of all files into one; return the files that nothing needs any more."""
        files = [task.file for task in self.table.scan().plan_files()]
        rows = self.table.scan().to_arrow().cast(ARROW)
        self.table.append(rows)
        current = self.table.current_snapshot()
        assert current is not None
        new = [task.file for task in self.table.scan().plan_files() if task.file.file_path not in self.paths(files)]
        self.table.manage_snapshots().rollback_to_snapshot(current.parent_snapshot_id or 0).commit()
        with self.table.transaction() as transaction, transaction.update_snapshot().overwrite() as change:
            for file in files:
                change.delete_data_file(file)
            for file in new:
                change.append_data_file(file)
        self.publish()
        return self.paths(files)

    @staticmethod
    def paths(files: list) -> list[str]:  # type: ignore[type-arg]  # the library's class is not public
        return [file.file_path for file in files]


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    catalog = InMemoryCatalog("test", warehouse=tmp_path.as_uri())
    catalog.create_namespace("lake")
    lake = Lake(catalog.create_table("lake.things", Schema(NestedField(1, "event_id", StringType(), required=True))))
    yield lake
    lake.watch.close()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("what is waited for has not come within 30 s")
        time.sleep(0.02)


def test_a_snapshot_that_was_not_seen_is_as_visible_as_the_next_one() -> None:
    seen = [sighting(3, 30.0), sighting(5, 50.0), sighting(6, 60.0)]
    assert [visible_at(seen, number) for number in (2, 3, 4, 5, 6, 7)] == [30.0, 30.0, 50.0, 50.0, 60.0, None]


def test_rows_are_told_with_the_time_of_their_snapshot_and_those_from_before_are_not(lake: Lake) -> None:
    began = time.time()
    lake.append("a", "b")
    wait_for(lambda: lake.watch.new_rows == 2)
    lake.append("c")
    wait_for(lambda: lake.watch.new_rows == 3)
    rows = lake.watch.rows()
    assert rows.keys() == {"a", "b", "c"}
    assert began < rows["a"] == rows["b"] < rows["c"]


def test_rows_are_read_once_however_often_they_are_asked_for(lake: Lake) -> None:
    lake.append("a")
    wait_for(lambda: lake.watch.new_rows == 1)
    lake.watch.rows()
    lake.append("b")
    wait_for(lambda: lake.watch.new_rows == 2)
    assert lake.watch.rows().keys() == {"a", "b"}
    assert lake.watch.repeated() == {}


def test_an_event_with_two_rows_is_reported(lake: Lake) -> None:
    lake.append("a", "b")
    lake.append("a")
    wait_for(lambda: lake.watch.new_rows == 3)
    lake.watch.rows()
    assert lake.watch.repeated() == {"a": 2}


def test_rows_are_found_though_their_snapshots_have_expired(lake: Lake) -> None:
    for number in range(5):
        lake.append(f"event {number}")
        lake.expire()
    wait_for(lambda: lake.watch.new_rows == 5)
    assert len(lake.watch.rows()) == 5


def test_rows_are_found_though_their_files_were_rewritten_and_are_gone(lake: Lake) -> None:
    lake.append("a", "b")
    wait_for(lambda: lake.watch.new_rows == 2)
    useless = lake.rewrite()
    wait_for(lambda: bool(lake.watch._paths))
    for path in useless:
        Path(path.removeprefix("file://")).unlink()
    lake.expire()
    lake.append("c")
    wait_for(lambda: lake.watch.new_rows == 3)
    assert lake.watch.rows().keys() == {"a", "b", "c"}
    assert lake.watch.repeated() == {}
    assert not lake.watch.troubles


def test_a_compaction_from_before_the_watch_began_is_nobodys_concern(lake: Lake) -> None:
    lake.rewrite()
    later = LakeWatch(lake._pointer, load_file_io({}))
    lake.append("a")
    wait_for(lambda: later.new_rows == 1)
    found = later.rows().keys()
    later.close()
    assert found == {"a"}


def test_a_catalog_that_is_away_is_waited_for(lake: Lake) -> None:
    location, lake._pointer.location = lake._pointer.location, ""
    wait_for(lambda: lake.watch.troubles["LookupError"] > 0)
    lake._pointer.location = location
    lake.append("a")
    wait_for(lambda: lake.watch.new_rows == 1)
    assert lake.watch.rows().keys() == {"a"}
