"""Which snapshots a commit drops."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kit.errors import Fault
from kit.lake import Pending, history_kept, open_target
from pyiceberg.catalog import Catalog
from pyiceberg.table.snapshots import Operation, Snapshot, Summary
from pyiceberg.table.update import AddSnapshotUpdate, AssertRefSnapshotId, SetSnapshotRefUpdate

from tests.lakes import Identifier, local_catalog, new_table, row

UNBOUNDED: dict[str, Any] = {"max_ref_age_ms": None, "max_snapshot_age_ms": None, "min_snapshots_to_keep": None}


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return local_catalog(tmp_path)


@pytest.fixture
def identifier(catalog: Catalog) -> Identifier:
    return new_table(catalog)


@pytest.fixture
def append(catalog: Catalog, identifier: Identifier) -> Callable[[str], int]:
    """Append a row, as a committer of its own that keeps one snapshot, and return the snapshot."""

    def append(key: str) -> int:
        target = open_target(catalog, identifier, key="id", narrow_by="at", keep_snapshots=1)
        target.begin({key: Pending(row(key), None)}).step()
        head = catalog.load_table(identifier).current_snapshot()
        assert head is not None
        return head.snapshot_id

    return append


def compact(catalog: Catalog, identifier: Identifier, *, minutes_ago: int) -> int:
    """Commit a snapshot with the head's files, as a compaction does, and return it."""
    table = catalog.load_table(identifier)
    head = table.current_snapshot()
    assert head is not None
    snapshot = Snapshot(
        snapshot_id=head.snapshot_id + 1,
        parent_snapshot_id=head.snapshot_id,
        sequence_number=(head.sequence_number or 0) + 1,
        timestamp_ms=head.timestamp_ms - minutes_ago * 60_000 + 1,
        manifest_list=head.manifest_list,
        summary=Summary(Operation.REPLACE),
        schema_id=head.schema_id,
    )
    updates = (
        AddSnapshotUpdate(snapshot=snapshot),
        SetSnapshotRefUpdate(ref_name="main", type="branch", snapshot_id=snapshot.snapshot_id, **UNBOUNDED),
    )
    catalog.commit_table(table, (AssertRefSnapshotId(ref="main", snapshot_id=head.snapshot_id),), updates)
    return snapshot.snapshot_id


def present(catalog: Catalog, identifier: Identifier) -> set[int]:
    return {one.snapshot_id for one in catalog.load_table(identifier).metadata.snapshots}


def test_what_a_compaction_has_rewritten_stays_readable_for_a_while(
    catalog: Catalog, identifier: Identifier, append: Callable[[str], int]
) -> None:
    rewritten = append("a")
    compaction = compact(catalog, identifier, minutes_ago=0)
    dropped = append("b")
    newest = append("c")
    assert present(catalog, identifier) == {rewritten, compaction, newest}
    assert dropped not in present(catalog, identifier)


def test_a_compaction_of_long_ago_is_dropped_with_what_it_has_rewritten(
    catalog: Catalog, identifier: Identifier, append: Callable[[str], int]
) -> None:
    append("a")
    compact(catalog, identifier, minutes_ago=61)
    append("b")
    newest = append("c")
    assert present(catalog, identifier) == {newest}


def test_while_files_are_rewritten_all_that_comes_after_the_beginning_stays(
    catalog: Catalog, identifier: Identifier, append: Callable[[str], int]
) -> None:
    append("before")
    first = append("a")
    with history_kept(catalog, identifier):
        meanwhile = [append(key) for key in "bcd"]
        assert present(catalog, identifier) == {first, *meanwhile}
    newest = append("after")
    assert present(catalog, identifier) == {newest}


def test_a_rewrite_that_was_killed_holds_nothing_up(
    catalog: Catalog, identifier: Identifier, append: Callable[[str], int]
) -> None:
    append("a")
    killed = history_kept(catalog, identifier)
    killed.__enter__()
    append("b")
    with history_kept(catalog, identifier):
        append("c")
    newest = append("d")
    assert present(catalog, identifier) == {newest}


def test_a_table_that_nobody_has_written_to_has_no_history_to_keep(catalog: Catalog, identifier: Identifier) -> None:
    with history_kept(catalog, identifier):
        pass
    assert catalog.load_table(identifier).metadata.refs == {}


def test_a_table_that_is_not_there_is_a_fault(catalog: Catalog) -> None:
    with pytest.raises(Fault, match=r"committer_tests\.absent"), history_kept(catalog, ("committer_tests", "absent")):
        pass
