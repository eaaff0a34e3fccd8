"""Builds servers that are published as Go modules only."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stack.errors import StackError
from stack.jobs import Task
from stack.places import Places
from stack.tools.installation import Slot, fingerprint, install
from stack.tools.wheels import WheelTool

MINIMUM = (1, 26, 8)
FLAGS = ("-mod=readonly", "-trimpath", "-ldflags=-s -w")
# Compilers must not take the machine from the downloads that run beside them.
NICENESS = 5


def parse_version(text: str) -> tuple[int, ...] | None:
    """Return the numbers of `go version`'s answer, or None if it is not one."""
    found = re.search(r"\bgo(\d+)\.(\d+)(?:\.(\d+))?\b", text)
    return tuple(int(part or 0) for part in found.groups()) if found else None


def find_go() -> Path | None:
    """Return the Go of PATH if it is new enough."""
    program = shutil.which("go")
    if program is None:
        return None
    answer = subprocess.run([program, "version"], capture_output=True, text=True, check=False)
    version = parse_version(answer.stdout)
    return Path(program) if version is not None and version >= MINIMUM else None


@dataclass(frozen=True, slots=True)
class GoTool:
    """A module of ours under infra/local/go, which pins the tool and all it needs by go.mod and go.sum."""

    places: Places
    name: str
    module: str
    binaries: Mapping[str, str]
    toolchain: WheelTool
    tags: tuple[str, ...] = ()

    @property
    def directory(self) -> Path:
        """The module's directory."""
        return self.places.infra / "go" / self.name

    def version(self) -> str:
        """Return the version that go.mod requires."""
        text = (self.directory / "go.mod").read_text()
        found = re.search(rf"^\s*{re.escape(self.module)} (v\S+)", text, re.MULTILINE)
        if found is None:
            raise StackError(f"{self.directory / 'go.mod'} does not require {self.module}.")
        return found.group(1)

    def target(self) -> Path:
        """Return the directory of the built programs."""
        sources = (self.directory / "go.mod", self.directory / "go.sum")
        digest = fingerprint(sources, *self._flags(), *self.binaries, *self.binaries.values())
        return Slot(self.places.tools, self.name, self.version(), digest).path

    def _flags(self) -> tuple[str, ...]:
        return (*FLAGS, f"-tags={','.join(self.tags)}") if self.tags else FLAGS

    def install(self, task: Task) -> None:
        """Build the programs; what was compiled before an interruption is not compiled again."""
        install(self.target(), lambda directory: self._build(task, directory))

    def _build(self, task: Task, directory: Path) -> None:
        go = find_go() or self.toolchain.target() / "go" / "bin" / "go"
        environment = {
            "GOTOOLCHAIN": "local",
            "GOFLAGS": "-modcacherw",
            "GOMODCACHE": str(self.places.cache / "go" / "modules"),
            "GOCACHE": str(self.places.cache / "go" / "build"),
            "CGO_ENABLED": "0",
        }
        for binary, package in self.binaries.items():
            output = directory / binary
            task.run(
                [go, "build", "-v", *self._flags(), "-o", output, package],
                environment=environment,
                directory=self.directory,
                niceness=NICENESS,
            )
