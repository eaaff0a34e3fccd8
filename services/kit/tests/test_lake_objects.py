from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kit.lake.objects import Staging, put_threads
from pyiceberg.io.pyarrow import PyArrowFileIO


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def threads() -> ThreadPoolExecutor:
    return put_threads()


def staged(folder: Path, clock: Clock) -> Staging:
    staging = Staging(clock)
    with staging.new_output(f"file://{folder}/data").create() as stream:
        stream.write(b"rows")
    return staging


def test_an_object_is_written_once(tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    clock = Clock()
    staging = staged(tmp_path, clock)
    assert staging.put(PyArrowFileIO(), threads) == 4
    clock.now += 600
    assert staging.put(PyArrowFileIO(), threads) == 0


def test_an_object_of_a_commit_that_is_tried_for_hours_is_there_again_when_it_was_taken_for_an_orphan(
    tmp_path: Path, threads: ThreadPoolExecutor
) -> None:
    clock = Clock()
    staging = staged(tmp_path, clock)
    staging.put(PyArrowFileIO(), threads)
    (tmp_path / "data").unlink()
    clock.now += 30 * 3_600
    assert staging.put(PyArrowFileIO(), threads) == 4
    assert (tmp_path / "data").read_bytes() == b"rows"
