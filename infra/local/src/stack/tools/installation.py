"""Puts a tool into the cache as a whole: a directory that has its final name is complete."""

import hashlib
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from stack.jobs import Task

FINGERPRINT_LENGTH = 12


class Tool(Protocol):
    """Something that can be installed."""

    @property
    def name(self) -> str:
        """The name of the tool's directory and job."""

    def target(self) -> Path:
        """Return where the tool is once it is installed."""

    def install(self, task: Task) -> None:
        """Install the tool, unless it is there."""


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of one version of a tool in the cache."""

    tools: Path
    name: str
    version: str
    fingerprint: str

    @property
    def path(self) -> Path:
        """The final directory, keyed by the version and by all that determines the contents."""
        return self.tools / self.name / f"{self.version}-{self.fingerprint}"


def fingerprint(sources: Iterable[Path], *words: str) -> str:
    """Return a short digest of the files and words that determine what is installed."""
    value = hashlib.sha256()
    for source in sources:
        value.update(source.read_bytes())
        value.update(b"\0")
    for word in words:
        value.update(word.encode())
        value.update(b"\0")
    return value.hexdigest()[:FINGERPRINT_LENGTH]


def install(target: Path, fill: Callable[[Path], None]) -> None:
    """Have `fill` build the directory beside its place, and rename it when it is whole.

    An interruption leaves only the unfinished directory, which the next attempt discards.
    """
    if target.is_dir():
        return
    unfinished = target.parent / f"{target.name}.unfinished"
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(parents=True)
    fill(unfinished)
    unfinished.rename(target)
