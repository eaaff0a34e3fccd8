"""The adapter to where Flink keeps checkpoints and savepoints: the object store, or a disk that they all see."""

from collections.abc import Iterator

from pyarrow import fs

from normalizer.restore import StoredFile
from normalizer.settings import StateSettings

_OBJECTS = "s3://"
_DISK = "file://"


def connect(settings: StateSettings) -> fs.FileSystem:
    """Return the file system of the state directory: S3, or this machine's own."""
    if settings.normalizer_state_dir.startswith(_DISK):
        return fs.LocalFileSystem()
    return fs.S3FileSystem(
        access_key=settings.s3_access_key_id,
        secret_key=settings.s3_secret_access_key.get_secret_value(),
        endpoint_override=settings.s3_endpoint,
        region=settings.s3_region,
        connect_timeout=5,
        request_timeout=10,
    )


def files(filesystem: fs.FileSystem, directory: str) -> Iterator[StoredFile]:
    """Yield every file below `directory`, which begins with s3:// or file:// (none when it is absent).

    Raises:
        OSError: the store does not answer or refuses the credentials.
    """
    scheme = _OBJECTS if directory.startswith(_OBJECTS) else _DISK
    selector = fs.FileSelector(directory.removeprefix(scheme), recursive=True, allow_not_found=True)
    for entry in filesystem.get_file_info(selector):
        if entry.type == fs.FileType.File:
            yield StoredFile(path=scheme + entry.path, modified_at=entry.mtime)


def head(filesystem: fs.FileSystem, path: str, count: int) -> bytes:
    """Return the first bytes of a file, which is named as `files` names it.

    Raises:
        OSError: the store does not answer, or has no such file.
    """
    with filesystem.open_input_file(path.removeprefix(_OBJECTS).removeprefix(_DISK)) as file:
        return bytes(file.read(count))
