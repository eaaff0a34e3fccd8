"""The adapter to the object store that holds checkpoints and savepoints."""

from collections.abc import Iterator

from pyarrow import fs

from normalizer.restore import StoredFile
from normalizer.settings import StateSettings

_SCHEME = "s3://"


def connect(settings: StateSettings) -> fs.FileSystem:
    """Return the file system of the checkpoint directory: S3, or local for a file path."""
    if not settings.normalizer_state_dir.startswith(_SCHEME):
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
    """Yield every file below `directory` (none when it is absent).

    Raises:
        OSError: the store does not answer or refuses the credentials.
    """
    scheme = _SCHEME if directory.startswith(_SCHEME) else ""
    selector = fs.FileSelector(directory.removeprefix(scheme), recursive=True, allow_not_found=True)
    for entry in filesystem.get_file_info(selector):
        if entry.type == fs.FileType.File:
            yield StoredFile(path=scheme + entry.path, modified_at=entry.mtime)
