"""Gets programs that are published as Python wheels, and uv, which gets them."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from stack.errors import StackError
from stack.jobs import Task
from stack.places import Places
from stack.tools.installation import Slot, fingerprint, install

UV_VARIABLE = "PAYMENTS_UV"


def find_uv(places: Places) -> Path:
    """Return the uv that bootstrap.sh chose, else one in the cache, else the one of PATH."""
    cached = sorted((places.tools / "uv").glob("*/bin/uv"))
    candidates = [os.environ.get(UV_VARIABLE), *map(str, reversed(cached)), shutil.which("uv")]
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            return Path(candidate)
    raise StackError("uv was not found: run `make setup`, which brings it.")


def uv_environment(places: Places) -> dict[str, str]:
    """Return what every call of uv needs: its cache beside the other tools, unless the user has chosen one."""
    if "UV_CACHE_DIR" in os.environ:
        return {}
    return {"UV_CACHE_DIR": str(places.cache / "uv")}


@dataclass(frozen=True, slots=True)
class WheelTool:
    """One wheel, pinned with its hash in infra/local/python/<name>.txt and unpacked into a directory."""

    places: Places
    name: str

    @property
    def requirement(self) -> Path:
        """The file with the pinned requirement."""
        return self.places.infra / "python" / f"{self.name}.txt"

    def version(self) -> str:
        """Return the pinned version."""
        return self.requirement.read_text().split()[0].partition("==")[2]

    def target(self) -> Path:
        """Return the directory that the wheel is unpacked into."""
        return Slot(self.places.tools, self.name, self.version(), fingerprint([self.requirement])).path

    def install(self, task: Task) -> None:
        """Unpack the wheel; uv refuses one whose hash is not the pinned one."""
        install(self.target(), lambda directory: self._fill(task, directory))

    def _fill(self, task: Task, directory: Path) -> None:
        command: list[str | Path] = [find_uv(self.places), "pip", "install", "--no-deps", "--require-hashes"]
        command += ["--link-mode=copy", "--target", directory, "-r", self.requirement]
        task.run(command, environment=uv_environment(self.places))
