"""A git repository of a test's own, whose history holds the base contracts."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from .rule_cases import base_contracts

if TYPE_CHECKING:
    from pathlib import Path

# Neither the machine's settings nor a hook's variables: the repository is the test's own.
_SETTINGS = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_AUTHOR_NAME": "t",
    "GIT_AUTHOR_EMAIL": "t@example.org",
    "GIT_COMMITTER_NAME": "t",
    "GIT_COMMITTER_EMAIL": "t@example.org",
}


class Repository:
    """A work tree at `root`, with the contracts in its folder `contracts`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.contracts = root / "contracts"
        root.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    @classmethod
    def with_contracts(cls, root: Path) -> Repository:
        """Return a repository whose first commit on main holds the base contracts."""
        repository = cls(root)
        base_contracts(repository.contracts)
        repository.commit("the contracts")
        return repository

    @classmethod
    def at(cls, root: Path) -> Repository:
        """Return a repository that is there already, such as a clone."""
        repository = cls.__new__(cls)
        repository.root, repository.contracts = root, root / "contracts"
        return repository

    def git(self, *arguments: str) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | _SETTINGS
        done = subprocess.run(  # noqa: S603 - git, with arguments of the test
            ["git", "-C", str(self.root), *arguments],  # noqa: S607 - the git of the machine
            check=True,
            capture_output=True,
            text=True,
            env=environment,
        )
        return done.stdout.strip()

    def commit(self, message: str = "a change") -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.contracts / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{file} has no {old!r}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
