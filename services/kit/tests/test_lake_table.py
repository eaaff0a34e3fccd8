"""A target on tables of local files: what it writes, what it reads, and what it asks the object store for."""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from kit.errors import Fault
from kit.lake import IcebergTarget, Mark, Pending, UnknownColumn, Written, open_target
from kit.lake import manifests as levels
from pyiceberg.catalog import Catalog
from pyiceberg.io.pyarrow import PyArrowFile
from pyiceberg.types import LongType

from tests.lakes import Identifier, counts, local_catalog, new_table, row

NEVER_YET = Mark(0)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return local_catalog(tmp_path)


@pytest.fixture
def identifier(catalog: Catalog) -> Identifier:
    return new_table(catalog)


@pytest.fixture
def target(catalog: Catalog, identifier: Identifier) -> IcebergTarget:
    return open_target(catalog, identifier, key="id", narrow_by="at")


@pytest.fixture
def open_again(catalog: Catalog, identifier: Identifier) -> Callable[[], IcebergTarget]:
    """Open the table as another process would."""
    return lambda: open_target(catalog, identifier, key="id", narrow_by="at")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count what is opened for reading, by the last part of its name."""
    opened: Counter[str] = Counter()
    really = PyArrowFile.open

    def counted(file: PyArrowFile, seekable: bool = True) -> object:  # noqa: FBT001, FBT002  # the library's signature
        opened[Path(file.location).suffix] += 1
        return really(file, seekable)

    monkeypatch.setattr(PyArrowFile, "open", counted)
    return opened


def write(target: IcebergTarget, *keys: str, minutes: float = 0.0, absent_at: Mark | None = NEVER_YET) -> Written:
    return target.begin({key: Pending(row(key, minutes), absent_at) for key in keys}).step()


def evolve(catalog: Catalog, identifier: Identifier) -> None:
    with catalog.load_table(identifier).update_schema() as update:
        update.add_column("attempt", LongType())


def test_a_row_with_a_column_more_is_told_apart_from_a_bad_row(target: IcebergTarget) -> None:
    with pytest.raises(UnknownColumn, match="column attempt is not in the table"):
        target.check(row("a", attempt=1))


def test_a_column_more_without_a_value_is_left_out(target: IcebergTarget) -> None:
    target.check(row("a", attempt=None))


def test_a_writer_that_has_not_seen_a_change_goes_on_and_then_knows_it(
    catalog: Catalog, identifier: Identifier, target: IcebergTarget
) -> None:
    evolve(catalog, identifier)
    write(target, "a")
    target.check(row("b", attempt=2))
    target.begin({"b": Pending(row("b", attempt=2), None)}).step()
    rows = catalog.load_table(identifier).scan().to_arrow().sort_by("id")
    assert rows.column("attempt").to_pylist() == [None, 2]


def test_keys_are_found_in_files_from_before_and_after_a_change(
    catalog: Catalog, identifier: Identifier, target: IcebergTarget
) -> None:
    write(target, "a")
    evolve(catalog, identifier)
    write(target, "b")
    assert write(target, "a", "b", "c", absent_at=None).already_there == {"a", "b"}
    assert counts(catalog, identifier) == Counter("abc")


def test_nothing_that_was_written_here_is_read_again(target: IcebergTarget, reads: Counter[str]) -> None:
    for n in range(40):
        write(target, f"k{n}", minutes=n)
    assert set(reads) <= {".json"}  # what the catalog itself reads


def test_manifests_stay_few_and_entries_are_rewritten_once_a_level(
    catalog: Catalog, identifier: Identifier, target: IcebergTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(levels, "FAN_OUT", 4)
    monkeypatch.setattr("kit.lake.table.FAN_OUT", 4)
    most = 0
    for n in range(70):
        write(target, f"k{n}", minutes=n)
        most = max(most, len(target._table.manifests()))
    head = catalog.load_table(identifier).current_snapshot()
    assert head is not None
    assert most <= 2 * 4 + 70 // 16
    entries = [
        entry
        for manifest in head.manifests(target._table.io)
        for entry in manifest.fetch_manifest_entry(target._table.io)
    ]
    assert sorted(entry.sequence_number or 0 for entry in entries) == list(range(1, 71))
    assert counts(catalog, identifier) == Counter(f"k{n}" for n in range(70))


def test_a_look_up_opens_only_manifests_and_files_of_its_time(
    catalog: Catalog,
    identifier: Identifier,
    target: IcebergTarget,
    reads: Counter[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(levels, "FAN_OUT", 4)
    monkeypatch.setattr("kit.lake.table.FAN_OUT", 4)
    for n in range(70):
        write(target, f"k{n}", minutes=n)
    restarted = open_target(catalog, identifier, key="id", narrow_by="at")
    assert write(restarted, "k3", minutes=3, absent_at=None).already_there == {"k3"}
    assert restarted._table.finder.files_read == 1
    # The list, the one large manifest of that time, and the small ones whose names tell no time.
    assert reads[".avro"] <= 1 + 1 + 4


def test_a_file_is_opened_for_its_keys_once_and_never_where_it_was_written(
    open_again: Callable[[], IcebergTarget], target: IcebergTarget
) -> None:
    for n in range(5):
        write(target, f"a{n}", f"b{n}")
    for n in range(5):
        assert write(target, f"b{n}", absent_at=None).already_there == {f"b{n}"}
    assert write(target, "new", absent_at=None).already_there == set()
    assert target._table.finder.files_read == 0

    restarted = open_again()
    for n in range(5):
        assert write(restarted, f"b{n}", absent_at=None).already_there == {f"b{n}"}
    assert restarted._table.finder.files_read == 5


@pytest.mark.parametrize(
    ("bounds", "opened"),
    [({}, 3), ({"_REMEMBERED_KEYS": 6}, 3), ({"_REMEMBERED_KEYS": 1}, 9), ({"_REMEMBERED_KEYS_OF_A_FILE": 1}, 9)],
)
def test_a_look_up_finds_what_there_is_whatever_is_remembered(
    open_again: Callable[[], IcebergTarget],
    target: IcebergTarget,
    monkeypatch: pytest.MonkeyPatch,
    bounds: Mapping[str, int],
    opened: int,
) -> None:
    for n in range(3):
        write(target, f"a{n}", f"b{n}")
    for name, value in bounds.items():
        monkeypatch.setattr(f"kit.lake.lookup.{name}", value)
    restarted = open_again()
    # The first key may be in one file by its bounds, the second in two, the third in all.
    for n in (0, 1, 2, 0, 1):
        assert write(restarted, f"a{n}", absent_at=None).already_there == {f"a{n}"}
    assert restarted._table.finder.files_read == opened


def test_metadata_stays_small(catalog: Catalog, identifier: Identifier, target: IcebergTarget) -> None:
    sizes = []
    for n in range(40):
        write(target, f"k{n}", minutes=n)
        table = catalog.load_table(identifier)
        sizes.append(len(table.metadata.snapshots))
    assert max(sizes) == 10


def test_only_what_others_added_since_the_mark_is_searched(
    catalog: Catalog, identifier: Identifier, target: IcebergTarget
) -> None:
    mark = target.mark
    write(target, "a", absent_at=mark)
    write(open_target(catalog, identifier, key="id", narrow_by="at"), "b", "x", absent_at=None)
    target.refresh()
    assert write(target, "b", "c", absent_at=mark).already_there == {"b"}
    assert target._table.finder.files_read == 1
    assert write(target, "d", "x", absent_at=target.mark).already_there == set()


def test_a_table_of_another_format_is_a_fault(catalog: Catalog, identifier: Identifier) -> None:
    first = (identifier[0], "first")
    catalog.create_table(first, catalog.load_table(identifier).schema(), properties={"format-version": "1"})
    with pytest.raises(Fault, match="format version 1"):
        open_target(catalog, first, key="id")
