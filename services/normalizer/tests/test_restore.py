import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from normalizer import storage
from normalizer.restore import HEADER_BYTES, StoredFile, written_at
from normalizer.restore import newest as newest_file
from pyarrow import fs

START = datetime(2026, 1, 1, tzinfo=UTC)


def stored(path: str, second: int) -> StoredFile:
    return StoredFile(path, START + timedelta(seconds=second))


def header(number: int) -> bytes:
    return bytes.fromhex("4960672d00000006") + number.to_bytes(8, "big")


def newest(files: Iterable[StoredFile], read_header: Callable[[str], bytes]) -> str | None:
    found = newest_file(files, read_header)
    return found.path if found else None


def unread(path: str) -> bytes:
    raise AssertionError(f"{path} need not be read")


def test_recovers_from_nothing_on_a_first_start() -> None:
    assert newest([], unread) is None


def test_recovers_from_the_newest_of_checkpoints_and_savepoints() -> None:
    found = newest(
        [
            stored("s3://f/checkpoints/n/aa/chk-900/_metadata", 1),
            stored("s3://f/savepoints/n/savepoint-aa-1/_metadata", 30),
            stored("s3://f/checkpoints/n/bb/chk-7/_metadata", 20),
        ],
        unread,
    )

    assert found == "s3://f/savepoints/n/savepoint-aa-1"


def test_recovers_from_the_savepoint_that_ended_a_job_in_the_second_of_its_last_checkpoint() -> None:
    savepoint, checkpoint = "s3://f/s/n/savepoint-aa-1", "s3://f/c/n/aa/chk-9"
    numbers = {f"{savepoint}/_metadata": 10, f"{checkpoint}/_metadata": 9}

    found = newest([stored(path, 1) for path in numbers], lambda path: header(numbers[path]))

    assert found == savepoint


def test_recovers_from_the_checkpoint_of_a_job_that_went_on_within_the_second_of_its_savepoint() -> None:
    savepoint, checkpoint = "s3://f/s/n/savepoint-aa-1", "s3://f/c/n/bb/chk-11"
    numbers = {f"{savepoint}/_metadata": 10, f"{checkpoint}/_metadata": 11}

    found = newest([stored(path, 1) for path in numbers], lambda path: header(numbers[path]))

    assert found == checkpoint


@pytest.mark.parametrize("content", [b"", b"short", b"x" * HEADER_BYTES])
def test_metadata_that_are_not_flinks_are_not_guessed_at(content: bytes) -> None:
    files = [stored("s3://f/c/n/aa/chk-9/_metadata", 1), stored("s3://f/c/n/aa/chk-10/_metadata", 1)]

    with pytest.raises(ValueError, match="chk-"):
        newest(files, lambda _path: content)


def test_ignores_a_snapshot_that_was_never_completed() -> None:
    found = newest(
        [
            stored("s3://f/c/n/aa/chk-9/_metadata", 1),
            stored("s3://f/c/n/aa/chk-10/5ad3-part", 2),
            stored("s3://f/c/n/aa/shared/5ad3", 3),
        ],
        unread,
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


def test_reads_the_beginning_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "_metadata").write_bytes(b"0123456789")

    assert storage.head(fs.LocalFileSystem(), f"file://{tmp_path}/_metadata", 4) == b"0123"


def test_tells_when_it_was_written() -> None:
    found = newest_file([stored("s3://f/c/n/aa/chk-9/_metadata", 7)], unread)

    assert found == stored("s3://f/c/n/aa/chk-9", 7)


def test_tells_when_the_snapshot_was_written_that_a_job_went_on_from(tmp_path: Path) -> None:
    metadata = tmp_path / "chk-41" / "_metadata"
    metadata.parent.mkdir()
    metadata.touch()
    os.utime(metadata, (START.timestamp(), START.timestamp()))
    files = storage.files(fs.LocalFileSystem(), f"file://{tmp_path}")

    # Flink writes one slash where the path has no host.
    assert written_at(files, f"file:{tmp_path}/chk-41", 41) == START


def test_tells_it_of_a_savepoint_by_its_place() -> None:
    files = [stored("s3://f/c/n/aa/chk-40/_metadata", 1), stored("s3://f/s/n/savepoint-aa-1/_metadata", 9)]

    assert written_at(files, "s3://f/s/n/savepoint-aa-1", 41) == START + timedelta(seconds=9)


def test_tells_it_by_the_last_checkpoint_before_where_newer_ones_have_replaced_it() -> None:
    names = {"chk-38": 1, "chk-40": 2, "chk-52": 90, "chk-53": 91}
    files = [stored(f"s3://f/c/n/aa/{name}/_metadata", second) for name, second in names.items()]

    assert written_at([*files, stored("s3://f/c/n/aa/chk-41/state", 3)], "s3://f/c/n/aa/chk-41", 41) == START + (
        timedelta(seconds=2)
    )


def test_does_not_take_the_age_of_a_snapshot_from_checkpoints_long_before_it() -> None:
    files = [stored("s3://f/c/n/aa/chk-40/_metadata", 1), stored("s3://f/s/n/savepoint-aa-1/_metadata", 9)]

    assert written_at(files, "s3://f/c/n/aa/chk-900", 900) is None
