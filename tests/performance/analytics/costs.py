"""What a run of dbt costs: its own CPU, that of the servers behind it, and the memory of its largest statement."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import httpx

from tests.performance.lake import Servers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SERVERS = ("trino", "catalog", "object-store")
_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@dataclass(frozen=True)
class Cost:
    """What one or more runs took: seconds on the clock, seconds of CPU by program, bytes of the largest statement."""

    seconds: float
    cpu: Mapping[str, float]
    peak_bytes: int

    @property
    def total(self) -> float:
        """All CPU seconds."""
        return sum(self.cpu.values())


def middle(costs: Sequence[Cost]) -> Cost:
    """Return the medians of several runs, and the largest of their statements."""
    cpu = {name: median(each.cpu[name] for each in costs) for name in costs[0].cpu}
    return Cost(median(each.seconds for each in costs), cpu, max(each.peak_bytes for each in costs))


def bytes_of(size: str) -> int:
    """Return a size as Trino prints it, `12.5MB`, in bytes."""
    found = re.fullmatch(r"([0-9.]+)([kMGT]?B)", size)
    if found is None:
        raise ValueError(f"{size!r} is not a size that Trino prints")
    return round(float(found[1]) * _UNITS[found[2]])


class Dbt:
    """Runs dbt over the project with an environment, and says what that took."""

    def __init__(self, environment: Mapping[str, str], pids: Mapping[str, int]) -> None:
        self._environment = environment
        self._servers = Servers({name: pids[name] for name in SERVERS})
        self._trino = f"http://{environment['TRINO_HOST']}:{environment['TRINO_PORT']}"

    def run(self, *arguments: str) -> Cost:
        """Run a command as a process of its own, as Dagster does; RuntimeError with what it said where it fails."""
        known = {each["queryId"] for each in self._queries()}
        before, began, own = self._servers.seconds(), time.monotonic(), _children()
        project = self._environment["DBT_PROJECT_DIR"]
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("dbt")),
                *arguments,
                *("--project-dir", project, "--profiles-dir", project),
            ],
            env=dict(self._environment),
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stdout[-3000:])
        took, spent, after = time.monotonic() - began, _children() - own, self._servers.seconds()
        queries = [each for each in self._queries() if each["queryId"] not in known]
        peak = max((bytes_of(each["queryStats"]["peakUserMemoryReservation"]) for each in queries), default=0)
        return Cost(took, {"dbt": spent, **{name: after[name] - before[name] for name in after}}, peak)

    def _queries(self) -> list[dict[str, dict[str, str]]]:
        answer = httpx.get(f"{self._trino}/v1/query", headers={"X-Trino-User": self._environment["TRINO_USER"]})
        answer.raise_for_status()
        found: list[dict[str, dict[str, str]]] = answer.json()
        return found


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
