"""Objects of a commit: built in memory, then written with one request each, side by side."""

import io
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pyarrow.fs import FileSystem
from pyiceberg.io import FileIO, InputFile, OutputFile
from pyiceberg.io.pyarrow import PyArrowFileIO

_AT_ONCE = 4
# Whoever removes orphans takes a file of no snapshot once it is old; a commit may be tried for longer than that.
_RENEWED_AFTER_SECONDS = 3_600.0


class SinglePutIO(PyArrowFileIO):
    """The library's own access to S3, but a small object is one PUT and not an upload in three requests."""

    def _initialize_s3_fs(self, netloc: str | None) -> FileSystem:
        # The library has no property for it; Arrow hands out the arguments of a file system as what pickles it.
        rebuild, (arguments,) = super()._initialize_s3_fs(netloc).__reduce__()
        return rebuild({**arguments, "allow_delayed_open": True})


class Staging(FileIO):
    """What the library's writers write to: objects by location, in memory until `put`, and after it.

    Args:
        clock: Returns the present time in seconds, also across a suspension of the machine.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._clock = clock
        self._objects: dict[str, bytes] = {}
        self._written_at: dict[str, float] = {}

    def new_output(self, location: str) -> OutputFile:
        """Return a file that is kept here once it is closed."""
        return _StagedFile(location, self._objects, self._keep)

    def new_input(self, location: str) -> InputFile:
        """Nothing that was staged is read again."""
        raise NotImplementedError(location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Nothing that was staged is deleted: whether a commit needs it is not known here."""
        raise NotImplementedError(str(location))

    def put(self, store: FileIO, threads: ThreadPoolExecutor) -> int:
        """Write to `store` what has not been written lately, and return the bytes written.

        Raises:
            OSError: The store failed; what it has taken is not written again by the next call.
        """
        now = self._clock()
        due = {
            location: threads.submit(_write, store, location, data)
            for location, data in self._objects.items()
            if self._written_at.get(location, float("-inf")) < now - _RENEWED_AFTER_SECONDS
        }
        failure: BaseException | None = None
        written = 0
        for location, write in due.items():
            failure = write.exception() or failure
            if write.exception() is None:
                self._written_at[location] = now
                written += len(self._objects[location])
        if failure is not None:
            raise failure
        return written

    def _keep(self, location: str, data: bytes) -> None:
        self._objects[location] = data


def put_threads() -> ThreadPoolExecutor:
    """Make the threads in which `Staging.put` writes."""
    return ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="lake-put")


def _write(store: FileIO, location: str, data: bytes) -> None:
    with store.new_output(location).create(overwrite=True) as stream:
        stream.write(data)


class _StagedFile(OutputFile):
    def __init__(self, location: str, objects: dict[str, bytes], keep: Callable[[str, bytes], None]) -> None:
        super().__init__(location)
        self._objects = objects
        self._keep = keep

    def __len__(self) -> int:
        return len(self._objects[self.location])

    def exists(self) -> bool:
        return self.location in self._objects

    def to_input_file(self) -> InputFile:
        raise NotImplementedError(self.location)

    def create(self, overwrite: bool = False) -> Any:  # noqa: ARG002, FBT001, FBT002  # the library's signature
        return _Buffer(lambda data: self._keep(self.location, data))


class _Buffer(io.BytesIO):
    def __init__(self, keep: Callable[[bytes], None]) -> None:
        super().__init__()
        self._keep = keep

    def close(self) -> None:
        if not self.closed:
            self._keep(self.getvalue())
        super().close()
