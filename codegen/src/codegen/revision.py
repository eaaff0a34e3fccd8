"""Contracts as they were at a commit: which commit to compare with, and its contracts as a catalog.

Part of the loader: with `cli`, `loader` and `write` it is what may touch the disk, and it alone asks git.
"""

from __future__ import annotations

import io
import json
import os
import re
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

# What a branch that others rely on is called at a remote: by its name, else the one that the remote itself prefers.
_PUSHED = ("main", "HEAD")
# A commit of that id is none: an event names it where a branch was pushed for the first time.
_NONE = re.compile(r"0+")
# What shows a mapping promises nothing: examples, and the lives that are made of them.
_SHOWN = re.compile(r"/examples/|/lifecycles\.yaml$")
_OF_HOOKS = frozenset({"GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX"})


class RevisionError(Exception):
    """The contracts of a commit cannot be had; the text says why and what to do."""


class UntoldError(RevisionError):
    """The clone holds too little to tell what to compare with, and nobody has said it."""


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


def chosen(contracts: Path, event: Path | None = None) -> Revision | None:
    """Return the commit to compare with where nobody has named one, or None where there is truly none.

    It is the state that others have: what main was before a push or a pull request, where a file tells of that event
    (as JSON, in the form that GitHub, Gitea and Forgejo give to jobs); else the commit at which this work left main as
    it is pushed, or as it is here where nothing is pushed. Where nothing is newer than that, it is the last commit if
    the contracts have changes that are not committed, else what was pushed before, as far as this clone remembers, else
    the commit before. Without git, or with one commit alone, there is none.

    Raises:
        UntoldError: The clone is shallow, or knows no main that this work comes from, so that none of this can be told.
    """
    try:
        _top(contracts)
    except RevisionError:
        return None
    head = _commit(contracts, "HEAD")
    if head is None:
        return None
    told = _told(contracts, head, event) if event else None
    if told is None and _git(contracts, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
        raise UntoldError(
            "this is a shallow clone, which does not hold the commit to compare with: fetch the whole history with "
            "`git fetch --unshallow`, or name a commit with --base"
        )
    if told or (_commit(contracts, "HEAD^1") is None and not _changed(contracts)):
        return told
    main = _main(contracts)
    left = _merge_base(contracts, head, main)
    if left is None:
        raise UntoldError(
            f"what is checked out and {_plain(contracts, main)} have no commit in common, so nothing tells where this "
            "work began: check that both belong to one repository, or name a commit with --base"
        )
    if left != head:
        return Revision(left, f"where this work left {_plain(contracts, main)}")
    return _before(contracts, main, head)


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
            files.extractall(folder, [each for each in files if not _SHOWN.search(each.name)], filter="data")
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


def _told(contracts: Path, head: str, event: Path) -> Revision | None:
    """Return the commit that an event of continuous integration names; None where it names none."""
    try:
        data = json.loads(event.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RevisionError(f"the event in {event} cannot be read: {error}; name a commit with --base") from error
    request = data.get("pull_request") or {}
    main = f"refs/heads/{data.get('repository', {}).get('default_branch', 'main')}"
    sha, words = request.get("base", {}).get("sha"), "where the pull request left its base"
    # A push to any other branch is compared with main, like all of that branch.
    if not request and data.get("ref") == main:
        sha, words = data.get("before"), "what main was before the push"
    if not sha or _NONE.fullmatch(str(sha)):
        return None
    commit = _commit(contracts, str(sha))
    if commit is None:
        raise UntoldError(
            f"this clone does not hold {str(sha)[:10]}, {words}: fetch it with `git fetch --unshallow` or "
            f"`git fetch origin {sha}`, or name a commit with --base"
        )
    return Revision((_merge_base(contracts, head, commit) if request else None) or commit, words)


def _main(contracts: Path) -> str:
    """Return main as others know it: what is pushed is relied on, and what is not yet pushed is not.

    It is what `main` follows, else main at a remote, `origin` before others, else main as it is here. UntoldError where
    this clone knows none of them: that of a single branch is such a one.
    """
    remotes = sorted(_git(contracts, "remote").stdout.decode().split(), key=lambda each: (each != "origin", each))
    pushed = [f"refs/remotes/{remote}/{branch}" for remote in remotes for branch in _PUSHED]
    found = next((each for each in ("main@{upstream}", *pushed, "refs/heads/main") if _commit(contracts, each)), None)
    if found is None:
        remote = next(iter(remotes), None)
        fetch = f"fetch it with `git fetch {remote} main:refs/remotes/{remote}/main`, or " if remote else ""
        raise UntoldError(
            "this clone does not hold main, neither as it is here nor as it is at a remote, so nothing tells what to "
            f"compare with: {fetch}name a commit with --base"
        )
    return found


def _changed(contracts: Path) -> bool:
    """Return whether the contracts have changes that are not committed."""
    return bool(_git(contracts, "status", "--porcelain", "--", ".").stdout.strip())


def _before(contracts: Path, main: str, head: str) -> Revision | None:
    """Return the state before the last change, where what is checked out is a part of main."""
    if _changed(contracts):
        return Revision(head, "HEAD: the contracts have changes that are not committed")
    if before := _pushed_before(contracts, main, head):
        return Revision(before, f"{_plain(contracts, main)} before the last push")
    last = _commit(contracts, "HEAD^1")
    return None if last is None else Revision(last, f"HEAD^1: nothing here is newer than {_plain(contracts, main)}")


def _pushed_before(contracts: Path, main: str, head: str) -> str | None:
    """Return what a branch of a remote was before it became what is checked out, as far as this clone remembers."""
    name = _git(contracts, "rev-parse", "--symbolic-full-name", main).stdout.decode().strip()
    if not name.startswith("refs/remotes/"):
        return None
    before = _commit(contracts, f"{name}@{{1}}")
    return before if before and before != head and _merge_base(contracts, head, before) == before else None


def _merge_base(contracts: Path, one: str, other: str) -> str | None:
    found = _git(contracts, "merge-base", one, other)
    return found.stdout.decode().strip() if found.returncode == 0 else None


def _plain(contracts: Path, ref: str) -> str:
    """Return a branch by the name under which people know it."""
    return _git(contracts, "rev-parse", "--abbrev-ref", ref).stdout.decode().strip() or ref


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
