"""Builds servers that are published as Go modules only."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """A module of ours under infra/local/go, which pins programs and all they need by go.mod and go.sum.

    Programs of one module share what they need, which is compiled once. `modules` are those that the programs are of;
    the first one's version names the place.
    """

    places: Places
    name: str
    modules: tuple[str, ...]
    binaries: Mapping[str, str]
    toolchain: WheelTool
    tags: tuple[str, ...] = ()
    without: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of a module files that its programs do not need, and that bring much that would have to be compiled.

    What other files name of them is in a file of the same path below `instead/<module>` of our module.
    """
    stamps: Mapping[str, str] = field(default_factory=dict)
    """Variables that the linker sets to the version of a module, for programs that do not know their own."""

    @property
    def directory(self) -> Path:
        """The module's directory."""
        return self.places.infra / "go" / self.name

    def version(self, module: str | None = None) -> str:
        """Return the version of a module, the first unless said, that go.mod requires; StackError if it does not."""
        wanted = module or self.modules[0]
        text = (self.directory / "go.mod").read_text()
        found = re.search(rf"^\s*{re.escape(wanted)} (v\S+)", text, re.MULTILINE)
        if found is None:
            raise StackError(f"{self.directory / 'go.mod'} does not require {wanted}.")
        return found.group(1)

    def target(self) -> Path:
        """Return the directory of the built programs."""
        left_out = [f"{module}/{file}" for module, files in self.without.items() for file in files]
        replacements = filter(Path.is_file, map(self._instead, left_out))
        sources = (self.directory / "go.mod", self.directory / "go.sum", *replacements)
        digest = fingerprint(sources, *self._flags(), *self.binaries, *self.binaries.values(), *left_out)
        return Slot(self.places.tools, self.name, self.version(), digest).path

    def _flags(self) -> tuple[str, ...]:
        *flags, linking = FLAGS
        linking += "".join(f" -X={variable}={self.version(module)}" for variable, module in self.stamps.items())
        tags = (f"-tags={','.join(self.tags)}",) if self.tags else ()
        return (*flags, linking, *tags)

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
            # Compilers live for seconds: a tenth of their time goes to collecting what they leave.
            "GOGC": "400",
        }
        modules = directory / "modules"
        modfile = self._leave_out(task, go, environment, modules)
        for programs in rounds(self.binaries):
            task.run(
                [go, "build", "-v", *modfile, *self._flags(), "-o", f"{directory}/", *programs.values()],
                environment=environment,
                directory=self.directory,
                niceness=NICENESS,
            )
            for binary, package in programs.items():
                (directory / _last_part(package)).rename(directory / binary)
        shutil.rmtree(modules, ignore_errors=True)

    def _instead(self, file: str) -> Path:
        return self.directory / "instead" / file

    def _leave_out(self, task: Task, go: Path, environment: dict[str, str], modules: Path) -> list[str]:
        # What go.sum vouches for is copied, and the copy is built from: Go refuses to build from a cache with changes.
        if not self.without:
            return []
        modules.mkdir()
        file = modules / "go.mod"
        text = (self.directory / "go.mod").read_text()
        for number, (module, files) in enumerate(self.without.items()):
            task.run([go, "mod", "download", module], environment=environment, directory=self.directory)
            copy = modules / str(number)
            cached = Path(environment["GOMODCACHE"]) / f"{module}@{self.version(module)}"
            shutil.copytree(cached, copy)
            for unneeded in files:
                if not (copy / unneeded).is_file():
                    raise StackError(f"{module} {self.version(module)} has no {unneeded} that could be left out.")
                (copy / unneeded).unlink()
                if (replacement := self._instead(f"{module}/{unneeded}")).is_file():
                    shutil.copy(replacement, copy / unneeded)
            text += f"\nreplace {module} => {copy}\n"
        file.write_text(text)
        shutil.copy(self.directory / "go.sum", modules / "go.sum")
        return [f"-modfile={file}"]


def rounds(binaries: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the packages by the names that their programs get, in groups that `go build` can write to one directory.

    It names each program after the last part of its package's path that is not a major version, so two of a group must
    differ in it.
    """
    groups: list[dict[str, str]] = []
    for binary, package in binaries.items():
        free = (each for each in groups if _last_part(package) not in map(_last_part, each.values()))
        group = next(free, None)
        if group is None:
            groups.append(group := {})
        group[binary] = package
    return groups


def _last_part(package: str) -> str:
    return re.sub(r"/v[0-9]+$", "", package).rpartition("/")[2]
