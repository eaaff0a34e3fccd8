"""What a process and a step are: the vocabulary that the servers' definitions are written in."""

import enum
import hashlib
import shlex
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path

from stack.jobs import Task
from stack.readiness import Probe

LOWEST = 19
"""The niceness of what may wait: analytics, whose runs would keep payments from the same two cores."""


class Group(enum.Enum):
    """Servers that are not ours, the steps that deploy to them, and our own programs."""

    INFRASTRUCTURE = "infrastructure"
    DEPLOYMENT = "deployment"
    APPLICATIONS = "applications"


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A program that the supervisor keeps running."""

    name: str
    group: Group
    command: tuple[str, ...]
    ready: Probe
    after: AbstractSet[str] = frozenset()
    beside: AbstractSet[str] = frozenset()
    """What it is not ready without, and starts together with."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    ports: tuple[str, ...] = ()
    directory: Path | None = None
    files: Mapping[Path, str] = field(default_factory=dict, repr=False)
    ready_seconds: float = 240.0
    stop_seconds: int = 20
    stop_signal: str = "TERM"
    stop_as_group: bool = True
    niceness_when_ready: int = 0
    """Not before: on a busy machine it would not get through its start."""

    def script(self) -> str:
        """Return the shell script that starts the process: its environment, then the program in its place."""
        exports = [f"export {name}={shlex.quote(value)}" for name, value in sorted(self.environment.items())]
        directory = [f"cd {shlex.quote(str(self.directory))} || exit 1"] if self.directory else []
        return "\n".join(["#!/bin/sh", *exports, *directory, f"exec {shlex.join(self.command)}", ""])

    def digest(self) -> str:
        """Return what changes whenever the process would have to be restarted to take a change up."""
        value = hashlib.sha256(self.script().encode())
        for path, text in sorted(self.files.items()):
            value.update(f"{path}\0{text}\0".encode())
        return value.hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that is done once per `up` and may be done again without harm."""

    name: str
    group: Group
    run: Callable[[Task], None]
    after: AbstractSet[str] = frozenset()


Item = Process | Step


def waves(items: Sequence[Item]) -> list[list[str]]:
    """Return the processes in the order to stop them: each wave needs nothing of the waves before it."""
    by_name = {item.name: item for item in items}
    depths: dict[str, int] = {}

    def depth(name: str) -> int:
        if name not in depths:
            item = by_name[name]
            below = [depth(needed) for needed in item.after if needed in by_name]
            depths[name] = max(below, default=0) + isinstance(item, Process)
        return depths[name]

    result: dict[int, list[str]] = {}
    for item in items:
        if isinstance(item, Process):
            result.setdefault(depth(item.name), []).append(item.name)
    return [result[level] for level in sorted(result, reverse=True)]
