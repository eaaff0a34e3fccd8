"""Checks downloaded files against a committed list of SHA-256 sums (the format of `sha256sum`)."""

import hashlib
from pathlib import Path

from stack.errors import StackError


def digest(path: Path) -> str:
    """Return the SHA-256 of a file as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(path: Path) -> dict[str, str]:
    """Return the sums of a list by file name; raise StackError where a line is not `<sum>  <name>`."""
    sums: dict[str, str] = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        value, separator, name = line.partition("  ")
        if not separator or len(value) != hashlib.sha256().digest_size * 2 or "/" in name:
            raise StackError(f"{path}, line {number}: expected '<sha256>  <file name>', got {line!r}.")
        sums[name] = value
    return sums


def listing(directory: Path) -> str:
    """Return the list of a directory's files, in the form that `read` takes."""
    return "".join(f"{digest(file)}  {file.name}\n" for file in sorted(directory.iterdir()))


def verify(directory: Path, expected: Path) -> None:
    """Raise StackError unless the directory holds exactly the listed files with the listed contents."""
    sums = read(expected)
    present = {file.name: file for file in directory.iterdir()}
    if missing := sorted(sums.keys() - present.keys()):
        raise StackError(f"{expected.name}: the download lacks {', '.join(missing)}.")
    if unexpected := sorted(present.keys() - sums.keys()):
        raise StackError(f"{expected.name}: the download holds files that are not listed: {', '.join(unexpected)}.")
    for name, value in sums.items():
        if (actual := digest(present[name])) != value:
            raise StackError(
                f"{name} has SHA-256 {actual}, but {expected.name} says {value}: "
                "the download is damaged or was tampered with; nothing was installed."
            )
