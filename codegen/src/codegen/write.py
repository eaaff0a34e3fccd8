"""Puts generated files on the disk: all of them or none, and nothing stale stays behind."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from codegen.model import GeneratedFile

# Built from the contracts by a member of its own, and not committed.
_CATALOGUE = "docs"
# Left behind by tools that use the generated folder; none of them is a contract's.
_LEFTOVERS = frozenset({"__pycache__", "target", "logs", "dbt_packages", ".pytest_cache", ".mypy_cache", ".ruff_cache"})


@dataclass(frozen=True, slots=True)
class Change:
    """What a file on the disk needs to agree with the contracts."""

    path: str
    what: str


def changes(root: Path, files: Iterable[GeneratedFile]) -> tuple[Change, ...]:
    """Return in which files the folder differs from what codegen would write now."""
    expected = {file.path: file for file in files}
    return tuple(sorted(_changes(root, expected), key=lambda change: change.path))


def _changes(root: Path, expected: dict[str, GeneratedFile]) -> Iterator[Change]:
    for path, file in expected.items():
        target = root / path
        if not target.is_file():
            yield Change(path, "missing")
        elif target.read_bytes() != file.content:
            yield Change(path, "different")
    for path in _present(root):
        if path not in expected:
            yield Change(path, "stale")


def write(root: Path, files: Iterable[GeneratedFile]) -> tuple[Change, ...]:
    """Make the folder hold exactly these files and return what changed.

    All contents are on the disk before the first file is replaced, and what was replaced is put back when another
    cannot be. OSError where the folder cannot be written; then it is as it was.
    """
    contents = tuple(files)
    todo = changes(root, contents)
    if not todo:
        return ()
    by_path = {file.path: file for file in contents}
    _place(root, [(change.path, by_path.get(change.path)) for change in todo])
    for change in todo:
        if change.what == "stale":
            _prune(root, root / change.path)
    return todo


def add(root: Path, files: Iterable[GeneratedFile]) -> None:
    """Add files to a folder, all or none; FileExistsError where one is there already, other OSErrors as `write`."""
    contents = tuple(files)
    for file in contents:
        if os.path.lexists(root / file.path):
            raise FileExistsError(errno.EEXIST, "it is there already", str(root / file.path))
    _place(root, [(file.path, file) for file in contents])


def _place(root: Path, todo: Sequence[tuple[str, GeneratedFile | None]]) -> None:
    """Put files in their places, and take away those of None; on an error leave everything as it was."""
    made: list[Path] = []
    try:
        _make(root, made)
        with tempfile.TemporaryDirectory(prefix=".staging-", dir=root) as staging:
            moves = []
            for number, (path, file) in enumerate(todo):
                source = Path(staging, str(number))
                if file is not None:
                    source.write_bytes(file.content)
                moves.append((root / path, source if file is not None else None, Path(staging, f"{number}.former")))
            _move(moves, made)
    except BaseException:
        for folder in reversed(made):
            folder.rmdir()
        raise


def _move(moves: Sequence[tuple[Path, Path | None, Path]], made: list[Path]) -> None:
    """Move each source to its target, keeping what was there until all are moved; on an error put it back."""
    done: list[tuple[Path, Path | None]] = []
    try:
        for target, source, former in moves:
            if source is None:
                target.rename(former)
                done.append((target, former))
                continue
            _make(target.parent, made)
            kept = target.is_file()
            if kept:
                shutil.copy2(target, former)
            source.replace(target)
            done.append((target, former if kept else None))
    except BaseException:
        for target, kept_as in reversed(done):
            if kept_as is None:
                target.unlink()
            else:
                kept_as.replace(target)
        raise


def _make(folder: Path, made: list[Path]) -> None:
    """Make a folder and those above it, and note those that were not there."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir()
        made.append(each)


def _present(root: Path) -> Iterator[str]:
    for file in sorted(root.rglob("*")) if root.is_dir() else ():
        relative = file.relative_to(root)
        if file.is_dir() or any(part in _LEFTOVERS or part.endswith(".egg-info") for part in relative.parts):
            continue
        if relative.parts[0] == _CATALOGUE or relative.parts[0].startswith(".staging-"):
            continue
        yield relative.as_posix()


def _prune(root: Path, file: Path) -> None:
    """Remove the folders that a file which is gone has left empty."""
    for folder in file.parents:
        if folder == root or any(folder.iterdir()):
            return
        folder.rmdir()
