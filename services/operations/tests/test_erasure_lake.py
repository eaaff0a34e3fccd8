"""What is asked of the lake to erase rows, and which files go."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import stamina
from kit.clock import utc_now
from kit.errors import Transient
from kit.lake import Pending, open_target
from kit.lake.table import REWRITE_TAG
from operations.erasure.bodies import Condition
from operations.erasure.lake import LakeErasure
from operations.errors import ErasureError, ForestalledError, UnavailableError
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import BadRequestError, NoSuchTableError
from pyiceberg.table import Table

from tests.lakes import Identifier, local_catalog, new_table, row

GONE = Condition("id = ?", ("gone",))


class FakeTrino:
    """Does to a local table what Trino is asked to do."""

    def __init__(self, catalog: Catalog, identifier: Identifier) -> None:
        self._catalog = catalog
        self._identifier = identifier
        self.failures: dict[str, list[Exception]] = {}
        self.asked: list[str] = []
        self.tagged: dict[str, bool] = {}

    @property
    def table(self) -> Table:
        return self._catalog.load_table(self._identifier)

    def ask(self, statement: str, values: Sequence[str] = ()) -> list[list[Any]]:
        words = ("select", "delete", "optimize_manifests", "optimize", "expire")
        word = next(each for each in words if each in statement)
        self.asked.append(word)
        self.tagged[word] = REWRITE_TAG in self.table.metadata.refs
        if self.failures.get(word):
            raise self.failures[word].pop(0)
        if word == "select":
            return [[self.table.scan(row_filter=f"id = '{values[0]}'").to_arrow().num_rows]]
        if word == "delete":
            self.table.delete(f"id = '{values[0]}'")
        if word == "expire":
            self.table.maintenance.expire_snapshots().older_than(utc_now() + timedelta(minutes=1)).commit()
        return []


@pytest.fixture
def trino(tmp_path: Path) -> FakeTrino:
    catalog = local_catalog(tmp_path)
    identifier = new_table(catalog)
    target = open_target(catalog, identifier, key="id", narrow_by="at")
    target.begin({key: Pending(row(key), None) for key in ("gone", "stay")}).step()
    return FakeTrino(catalog, identifier)


@pytest.fixture
def lake(trino: FakeTrino) -> LakeErasure:
    return LakeErasure(trino, trino._catalog)


def stored(folder: Path) -> int:
    """Count the data files on disk, named by a snapshot or not."""
    return len(list(folder.rglob("data/**/*.parquet")))


def test_files_that_held_the_rows_go_with_the_snapshots_that_named_them(
    tmp_path: Path, trino: FakeTrino, lake: LakeErasure
) -> None:
    lake.erase(".".join(trino._identifier), GONE)
    assert (stored(tmp_path), len(trino.table.snapshots())) == (1, 1)
    assert trino.table.scan().to_arrow().column("id").to_pylist() == ["stay"]


def test_a_table_that_holds_none_of_the_rows_keeps_its_history(trino: FakeTrino, lake: LakeErasure) -> None:
    lake.erase(".".join(trino._identifier), Condition("id = ?", ("another",)))
    assert set(trino.asked) == {"select"}


@pytest.mark.parametrize("fails", ["optimize", "optimize_manifests", "expire"])
def test_what_failed_after_the_delete_is_completed_by_running_it_again(
    tmp_path: Path, trino: FakeTrino, lake: LakeErasure, fails: str
) -> None:
    table = ".".join(trino._identifier)
    trino.failures[fails] = [UnavailableError("Trino does not answer.")]
    with pytest.raises(UnavailableError):
        lake.erase(table, GONE)
    assert (lake.count(table, GONE), stored(tmp_path)) == (0, 2)
    lake.erase(table, GONE)
    assert (stored(tmp_path), len(trino.table.snapshots())) == (1, 1)


def test_committers_keep_the_history_from_before_the_delete_on(trino: FakeTrino, lake: LakeErasure) -> None:
    lake.erase(".".join(trino._identifier), GONE)
    changes = dict.fromkeys(("delete", "optimize", "optimize_manifests"), True)
    assert trino.tagged == {"select": False, **changes, "expire": False}


@pytest.mark.parametrize("word", ["delete", "optimize", "optimize_manifests"])
def test_a_statement_that_another_writer_forestalls_is_run_again(
    tmp_path: Path, trino: FakeTrino, lake: LakeErasure, word: str
) -> None:
    trino.failures[word] = [ForestalledError("Another writer came first.")] * 2
    with stamina.set_testing(True, attempts=3):
        lake.erase(".".join(trino._identifier), GONE)
    assert trino.asked.count(word) == 3
    assert stored(tmp_path) == 1


def test_a_table_that_is_never_left_alone_is_told(trino: FakeTrino, lake: LakeErasure) -> None:
    trino.failures["delete"] = [ForestalledError("Another writer came first.")] * 3
    with stamina.set_testing(True, attempts=2), pytest.raises(ForestalledError):
        lake.erase(".".join(trino._identifier), GONE)
    assert REWRITE_TAG not in trino.table.metadata.refs


@pytest.mark.parametrize(
    ("raised", "becomes"),
    [
        (OSError("no answer"), Transient),
        (NoSuchTableError("gone"), ErasureError),
        (BadRequestError("no"), ErasureError),
    ],
)
def test_what_the_catalog_or_the_object_store_fails_with_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, trino: FakeTrino, lake: LakeErasure, raised: Exception, becomes: type[Exception]
) -> None:
    def load_table(_identifier: object) -> Table:
        raise raised

    table = ".".join(trino._identifier)
    monkeypatch.setattr(lake._catalog, "load_table", load_table)
    with pytest.raises(becomes, match=table):
        lake._outdated(table)
    with pytest.raises(becomes, match=table):
        lake._remove(table, ["s3://lake/a.parquet"])
