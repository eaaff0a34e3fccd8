import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from normalizer import storage
from normalizer.restore import StoredFile, newest
from pyarrow import fs

START = datetime(2026, 1, 1, tzinfo=UTC)


def stored(path: str, second: int) -> StoredFile:
    return StoredFile(path, START + timedelta(seconds=second))


def test_recovers_from_nothing_on_a_first_start() -> None:
    assert newest([]) is None


def test_recovers_from_the_newest_of_checkpoints_and_savepoints() -> None:
    found = newest(
        [
            stored("s3://f/checkpoints/n/aa/chk-900/_metadata", 1),
            stored("s3://f/savepoints/n/savepoint-aa-1/_metadata", 3),
            stored("s3://f/checkpoints/n/bb/chk-7/_metadata", 2),
        ]
    )

    assert found == "s3://f/savepoints/n/savepoint-aa-1"


def test_recovers_from_the_later_checkpoint_when_times_are_equal() -> None:
    found = newest(
        [stored("s3://f/c/n/aa/chk-9/_metadata", 1), stored("s3://f/c/n/aa/chk-10/_metadata", 1)],
    )

    assert found == "s3://f/c/n/aa/chk-10"


def test_ignores_a_snapshot_that_was_never_completed() -> None:
    found = newest(
        [
            stored("s3://f/c/n/aa/chk-9/_metadata", 1),
            stored("s3://f/c/n/aa/chk-10/5ad3-part", 2),
            stored("s3://f/c/n/aa/shared/5ad3", 3),
        ]
    )

    assert found == "s3://f/c/n/aa/chk-9"


def test_lists_files_with_their_times(tmp_path: Path) -> None:
    metadata = tmp_path / "aa" / "chk-1" / "_metadata"
    metadata.parent.mkdir(parents=True)
    metadata.write_bytes(b"x")
    os.utime(metadata, (START.timestamp(), START.timestamp()))

    found = list(storage.files(fs.LocalFileSystem(), tmp_path.as_uri()))

    assert found == [StoredFile(metadata.as_uri(), START)]


@pytest.mark.parametrize("name", ["absent", "absent/deeper"])
def test_lists_nothing_where_there_is_nothing(tmp_path: Path, name: str) -> None:
    assert list(storage.files(fs.LocalFileSystem(), (tmp_path / name).as_uri())) == []
