"""Puts generated files on the disk: all of them or none, and nothing stale stays behind."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from codegen.model import GeneratedFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MANIFEST = "MANIFEST.json"
# Left behind by tools that use the generated folder; none of them is a contract's.
_LEFTOVERS = frozenset({"__pycache__", "target", "logs", "dbt_packages", ".pytest_cache", ".mypy_cache", ".ruff_cache"})


@dataclass(frozen=True, slots=True)
class Change:
    """What a file on the disk needs to agree with the contracts."""

    path: str
    what: str


def manifest(files: Iterable[GeneratedFile]) -> GeneratedFile:
    """Return the list of all generated files with their SHA-256."""
    hashes = {file.path: hashlib.sha256(file.content).hexdigest() for file in files}
    data = {
        "notice": "Written by codegen: every generated file and its SHA-256.",
        "files": dict(sorted(hashes.items())),
    }
    return GeneratedFile(MANIFEST, (json.dumps(data, indent=2) + "\n").encode())


def changes(root: Path, files: Iterable[GeneratedFile]) -> tuple[Change, ...]:
    """Return in which files the folder differs from what codegen would write now."""
    expected = {file.path: file for file in files}
    expected[MANIFEST] = manifest(expected.values())
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

    All contents are on the disk before the first file is replaced; the manifest comes last, so that an interrupted
    run shows as drift. OSError where the folder cannot be written.
    """
    contents = tuple(files)
    todo = changes(root, contents)
    if not todo:
        return ()
    root.mkdir(parents=True, exist_ok=True)
    by_path = {file.path: file for file in (*contents, manifest(contents))}
    with tempfile.TemporaryDirectory(prefix=".staging-", dir=root) as staging:
        staged = []
        for number, change in enumerate(todo):
            if change.what != "stale":
                source = Path(staging) / str(number)
                source.write_bytes(by_path[change.path].content)
                staged.append((change.path, source))
        for path, source in sorted(staged, key=lambda each: (each[0] == MANIFEST, each[0])):
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
    for change in todo:
        if change.what == "stale":
            _remove(root, root / change.path)
    return todo


def _present(root: Path) -> Iterator[str]:
    for file in sorted(root.rglob("*")) if root.is_dir() else ():
        relative = file.relative_to(root)
        if file.is_dir() or any(part in _LEFTOVERS or part.endswith(".egg-info") for part in relative.parts):
            continue
        if relative.parts[0].startswith(".staging-"):
            continue
        yield relative.as_posix()


def _remove(root: Path, file: Path) -> None:
    file.unlink()
    for folder in file.parents:
        if folder == root or any(folder.iterdir()):
            return
        folder.rmdir()
