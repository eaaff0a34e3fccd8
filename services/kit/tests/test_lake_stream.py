"""A stream into a table: rows and positions move together, whatever fails in between."""

import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from kit.errors import Fault as FaultError
from kit.errors import Transient
from kit.lake.positions import POSITIONS, stored
from kit.lake.stream import SecondWriter, StreamTarget, StreamWrite
from pyiceberg.table.update import AssertRefSnapshotId, RemoveSnapshotsUpdate, SetPropertiesUpdate

from services.kit.tests.test_lake_expiry import compact
from tests.lakes import (
    Fault,
    Faulty,
    Identifier,
    answer_lost,
    counts,
    local_catalog,
    lost_on_the_way,
    new_table,
    row,
    sent_twice,
)


@pytest.fixture
def way(tmp_path: Path) -> Faulty:
    return Faulty(local_catalog(tmp_path), threading.Lock())


@pytest.fixture
def identifier(way: Faulty) -> Identifier:
    return new_table(way.catalog)


def target(way: Faulty, identifier: Identifier, **options: int) -> StreamTarget:
    return StreamTarget(way, identifier, key="id", narrow_by="at", **options)  # type: ignore[arg-type]  # as Faulty says


def write(target: StreamTarget, keys: str, upto: int) -> None:
    finish(target.begin([row(key) for key in keys], target.positions(), {"t/0": upto}))


def finish(group: StreamWrite) -> None:
    for _ in range(9):
        try:
            group.step()
        except Transient:
            continue
        return
    raise AssertionError("nine steps were not enough")


def test_who_starts_anew_goes_on_from_the_tables_positions(way: Faulty, identifier: Identifier) -> None:
    first = target(way, identifier)
    assert first.positions() == {}
    write(first, "ab", 2)
    write(first, "c", 3)
    assert target(way, identifier).positions() == {"t/0": 3}
    assert counts(way.catalog, identifier) == Counter("abc")


@pytest.mark.parametrize(
    "faults",
    [[answer_lost], [lost_on_the_way], [sent_twice], [lost_on_the_way, answer_lost], [answer_lost, lost_on_the_way]],
    ids=lambda faults: "-".join(each.__name__ for each in faults),
)
def test_a_commit_in_doubt_is_made_once(way: Faulty, identifier: Identifier, faults: Sequence[Fault]) -> None:
    writer = target(way, identifier)
    write(writer, "a", 1)
    way.commits = list(faults)
    write(writer, "bc", 3)
    write(writer, "d", 4)
    assert counts(way.catalog, identifier) == Counter("abcd")
    assert target(way, identifier).positions() == {"t/0": 4}


def test_a_commit_whose_snapshot_was_expired_before_it_was_asked_for_is_settled_by_the_positions(
    way: Faulty, identifier: Identifier
) -> None:
    writer = target(way, identifier)
    write(writer, "a", 1)
    group = writer.begin([row("b")], writer.positions(), {"t/0": 2})
    way.commits = [answer_lost]
    with pytest.raises(Transient):
        group.step()
    compact(way.catalog, identifier, minutes_ago=0)
    _drop_all_but_the_head(way, identifier)
    finish(group)
    assert counts(way.catalog, identifier) == Counter("ab")
    write(writer, "c", 3)
    assert counts(way.catalog, identifier) == Counter("abc")


def test_a_second_writer_of_the_stream_is_a_fault_and_writes_nothing(way: Faulty, identifier: Identifier) -> None:
    one, other = target(way, identifier), target(way, identifier)
    write(one, "a", 1)
    group = other.begin([row("a")], {}, {"t/0": 1})
    with pytest.raises(Transient):
        group.step()
    # The same positions by another's hand are told from a commit of one's own: these rows are there.
    finish(group)
    write(one, "b", 2)
    late = other.begin([row("x"), row("y")], {"t/0": 1}, {"t/0": 3})
    with pytest.raises(Transient):
        late.step()
    with pytest.raises(SecondWriter, match="t/0 at 2 and not 1"):
        late.step()
    assert counts(way.catalog, identifier) == Counter("ab")


def test_positions_outlive_compaction_and_the_expiry_of_every_snapshot_that_tells_them(
    way: Faulty, identifier: Identifier
) -> None:
    writer = target(way, identifier)
    write(writer, "ab", 2)
    compact(way.catalog, identifier, minutes_ago=0)
    assert target(way, identifier).positions() == {"t/0": 2}
    _drop_all_but_the_head(way, identifier)
    table = way.catalog.load_table(identifier)
    assert len(table.metadata.snapshots) == 1
    assert stored(table.metadata) == {"t/0": 2}
    write(target(way, identifier), "c", 3)
    assert counts(way.catalog, identifier) == Counter("abc")


def test_after_a_rollback_the_rows_that_it_took_are_written_again(way: Faulty, identifier: Identifier) -> None:
    writer = target(way, identifier)
    write(writer, "a", 1)
    table = way.catalog.load_table(identifier)
    first = table.current_snapshot()
    assert first is not None
    write(writer, "b", 2)
    table.refresh()
    table.manage_snapshots().rollback_to_snapshot(first.snapshot_id).commit()
    anew = target(way, identifier)
    assert anew.positions() == {"t/0": 1}
    write(anew, "b", 2)
    assert counts(way.catalog, identifier) == Counter("ab")


def test_a_rollback_to_where_nobody_can_tell_is_a_fault(way: Faulty, identifier: Identifier) -> None:
    writer = target(way, identifier)
    write(writer, "a", 1)
    compacted = compact(way.catalog, identifier, minutes_ago=0)
    _drop_all_but_the_head(way, identifier)
    write(target(way, identifier), "b", 2)
    way.catalog.load_table(identifier).manage_snapshots().rollback_to_snapshot(compacted).commit()
    with pytest.raises(FaultError, match="rolled back"):
        target(way, identifier).positions()


def test_positions_that_somebody_has_spoilt_are_a_fault(way: Faulty, identifier: Identifier) -> None:
    table = way.catalog.load_table(identifier)
    write(target(way, identifier), "a", 1)
    compact(way.catalog, identifier, minutes_ago=0)
    _drop_all_but_the_head(way, identifier)
    table.refresh()
    way.catalog.commit_table(table, (), (SetPropertiesUpdate(updates={POSITIONS: "{"}),))
    with pytest.raises(FaultError, match="changed it by hand"):
        target(way, identifier).positions()


def _drop_all_but_the_head(way: Faulty, identifier: Identifier) -> None:
    table = way.catalog.load_table(identifier)
    head = table.current_snapshot()
    assert head is not None
    old = [each.snapshot_id for each in table.metadata.snapshots if each.snapshot_id != head.snapshot_id]
    required = AssertRefSnapshotId(ref="main", snapshot_id=head.snapshot_id)
    way.catalog.commit_table(table, (required,), (RemoveSnapshotsUpdate(snapshot_ids=old),))


def test_numbers_of_rows_are_not_remembered_as_keys(way: Faulty, identifier: Identifier) -> None:
    opened = target(way, identifier)
    write(opened, "ab", 2)
    table = opened._table
    files = [each for listed in table.manifests() for each in table.finder._bounds(listed, table.io)]
    assert table.finder.in_files({"0": row("0")}, files, table.metadata, table.io) == set()
    assert table.finder.in_files({"a": row("a")}, files, table.metadata, table.io) == {"a"}
