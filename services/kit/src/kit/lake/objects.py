"""Objects of a commit: built in memory, then written with one request each, side by side."""

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pyarrow.fs import FileSystem
from pyiceberg.io import FileIO, InputFile, OutputFile
from pyiceberg.io.pyarrow import PyArrowFileIO

_AT_ONCE = 4


class SinglePutIO(PyArrowFileIO):
    """The library's own access to S3, but a small object is one PUT and not an upload in three requests."""

    def _initialize_s3_fs(self, netloc: str | None) -> FileSystem:
        # The library has no property for it; Arrow hands out the arguments of a file system as what pickles it.
        rebuild, (arguments,) = super()._initialize_s3_fs(netloc).__reduce__()
        return rebuild({**arguments, "allow_delayed_open": True})


class Staging(FileIO):
    """What the library's writers write to: objects by location, in memory until `put`."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: dict[str, bytes] = {}
        self._lengths: dict[str, int] = {}

    def new_output(self, location: str) -> OutputFile:
        """Return a file that is kept here once it is closed."""
        return _StagedFile(location, self._lengths, self._keep)

    def new_input(self, location: str) -> InputFile:
        """Nothing that was staged is read again."""
        raise NotImplementedError(location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Nothing that was staged is deleted: whether a commit needs it is not known here."""
        raise NotImplementedError(str(location))

    def put(self, store: FileIO, threads: ThreadPoolExecutor) -> int:
        """Write to `store` what has not been written yet, and return the bytes written.

        Raises:
            OSError: The store failed; what it has taken is not written again by the next call.
        """
        writes = {location: threads.submit(_write, store, location, data) for location, data in self._waiting.items()}
        failure: BaseException | None = None
        written = 0
        for location, write in writes.items():
            failure = write.exception() or failure
            if write.exception() is None:
                written += len(self._waiting.pop(location))
        if failure is not None:
            raise failure
        return written

    def _keep(self, location: str, data: bytes) -> None:
        self._waiting[location] = data
        self._lengths[location] = len(data)


def put_threads() -> ThreadPoolExecutor:
    """Make the threads in which `Staging.put` writes."""
    return ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="lake-put")


def _write(store: FileIO, location: str, data: bytes) -> None:
    with store.new_output(location).create(overwrite=True) as stream:
        stream.write(data)


class _StagedFile(OutputFile):
    def __init__(self, location: str, lengths: dict[str, int], keep: Callable[[str, bytes], None]) -> None:
        super().__init__(location)
        self._lengths = lengths
        self._keep = keep

    def __len__(self) -> int:
        return self._lengths[self.location]

    def exists(self) -> bool:
        return self.location in self._lengths

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
