"""Contracts as they were at a commit: which commit to compare with, and its contracts as a catalog.

Part of the loader: with `cli`, `loader` and `write` it is what may touch the disk, and it alone asks git.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from codegen.findings import ContractError
from codegen.loader import load

if TYPE_CHECKING:
    from codegen.model import Catalog

_MAINS = ("main", "origin/main")
_OF_HOOKS = frozenset({"GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX"})


class RevisionError(Exception):
    """The contracts of a commit cannot be had; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit to compare with: its full id, and in words why it is this one."""

    commit: str
    words: str

    def __str__(self) -> str:
        """Return it as it stands in a report."""
        short = self.commit[:10]
        return short if self.commit.startswith(self.words) else f"{short} ({self.words})"


def named(contracts: Path, ref: str) -> Revision:
    """Return the commit that a branch, tag or id names; RevisionError where there is no git or no such commit."""
    _top(contracts)
    commit = _commit(contracts, ref)
    if commit is None:
        raise RevisionError(
            f"git knows no commit {ref!r} here: name a branch, a tag or a commit; "
            "in a shallow checkout fetch it first, with `git fetch --unshallow` or `git fetch origin main:main`"
        )
    return Revision(commit, ref)


def chosen(contracts: Path) -> Revision | None:
    """Return the commit to compare with where nobody has named one, or None where there is truly none.

    It is the commit at which this branch left main. On main itself it is the last commit, if the contracts have changes
    that are not committed, and else the commit before. Without git, or with one commit alone, there is none.
    """
    try:
        _top(contracts)
    except RevisionError:
        return None
    head = _commit(contracts, "HEAD")
    if head is None:
        return None
    for main in _MAINS:
        tip = _commit(contracts, main)
        if tip is None:
            continue
        left = _git(contracts, "merge-base", head, tip)
        base = left.stdout.decode().strip() if left.returncode == 0 else tip
        if base != head:
            words = f"where this branch left {main}" if left.returncode == 0 else f"{main}; the history ends before"
            return Revision(base, words)
        break
    if _git(contracts, "status", "--porcelain", "--", ".").stdout.strip():
        return Revision(head, "HEAD: the contracts have changes that are not committed")
    before = _commit(contracts, "HEAD^1")
    return None if before is None else Revision(before, "HEAD^1: nothing here is newer than main")


def load_at(contracts: Path, revision: Revision) -> Catalog | None:
    """Return the contracts as they were at a commit, by that commit's own meta schemas; None where it had none.

    Examples, and files of which there is no kind today, are left out. RevisionError where the rest cannot be read.
    """
    top, prefix = _top(contracts)
    tree = f"{revision.commit}:{prefix}"
    if _git(contracts, "cat-file", "-t", tree).stdout.strip() != b"tree":
        return None
    archive = _git(top, "archive", "--format=tar", tree)
    if archive.returncode:
        raise RevisionError(f"git cannot give out the contracts of {revision}: {archive.stderr.decode().strip()}")
    with tempfile.TemporaryDirectory(prefix="contracts-") as folder:
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
            # Examples promise nothing to anybody: whether today's checks would still take them is of no matter.
            files.extractall(folder, [each for each in files if "/examples/" not in each.name], filter="data")
        root = Path(folder)
        return _loaded(root, revision) if any(root.iterdir()) else None


def _loaded(root: Path, revision: Revision) -> Catalog:
    try:
        try:
            return load(root)
        except ContractError as error:
            strange = [finding for finding in error.findings if finding.rule == "orphan"]
            if len(strange) < len(error.findings):
                raise
            for finding in strange:
                _remove(root / finding.file)
            return load(root)
    except ContractError as error:
        listed = "\n".join(f"    {finding}" for finding in error.findings)
        raise RevisionError(
            f"the contracts of {revision} cannot be read; compare with a later commit:\n{listed}"
        ) from error


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _top(contracts: Path) -> tuple[Path, str]:
    """Return the root of the work tree, and the folder's path below it."""
    if shutil.which("git") is None:
        raise RevisionError("there is no git: install it, or compare where it is")
    if not contracts.is_dir():
        raise RevisionError(f"{contracts} is not a folder: give the contracts folder")
    found = _git(contracts, "rev-parse", "--show-toplevel", "--show-prefix")
    if found.returncode:
        reason = found.stderr.decode().strip().removeprefix("fatal: ")
        raise RevisionError(f"{contracts} is not in a git work tree, so there is no earlier state of it: {reason}")
    top, _, prefix = found.stdout.decode().partition("\n")
    return Path(top), prefix.strip().rstrip("/")


def _commit(contracts: Path, ref: str) -> str | None:
    found = _git(contracts, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    return found.stdout.decode().strip() if found.returncode == 0 else None


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = ["git", "-C", str(folder), *arguments]
    # In a hook git names its repository; with that name, it would take any folder for the root of the work tree.
    environment = {name: value for name, value in os.environ.items() if name not in _OF_HOOKS}
    return subprocess.run(  # noqa: S603 - git, with arguments of our own
        command, capture_output=True, check=False, env=environment
    )
