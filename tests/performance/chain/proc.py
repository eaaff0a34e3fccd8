"""What Linux says of processes and of the machine, read from /proc: see proc(5)."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat behind the name in parentheses, which may itself hold spaces and parentheses.
_PARENT, _OWN, _WAITED = 1, slice(11, 13), slice(13, 15)
# Fields of the first line of /proc/stat.
_IDLE, _IOWAIT, _STEAL, _GUEST = 3, 4, 7, 8
_SESSION = re.compile(r"postgres: (\w+) (\w+) \d+\.")


@dataclass(frozen=True)
class Process:
    """A process, and the seconds of CPU that it used itself, and those of its children that have ended."""

    pid: int
    parent: int
    own: float
    waited: float


@dataclass(frozen=True)
class Machine:
    """Seconds of CPU of all cores since boot: in all, those at work, and those that the hypervisor gave to others."""

    total: float
    busy: float
    stolen: float

    def since(self, earlier: Machine) -> Machine:
        """Return what came since then."""
        return Machine(self.total - earlier.total, self.busy - earlier.busy, self.stolen - earlier.stolen)


class Proc:
    """The process file system; `root` is another directory in tests."""

    def __init__(self, root: Path = Path("/proc")) -> None:
        self._root = root

    def processes(self) -> dict[int, Process]:
        """Return every process that lives now, by id."""
        found = {}
        for entry in os.scandir(self._root):
            if entry.name.isdigit():
                try:
                    text = Path(entry.path, "stat").read_text()
                except OSError:
                    # It has just ended.
                    continue
                process = parse_process(text)
                found[process.pid] = process
        return found

    def command(self, pid: int) -> str:
        """Return the command line of a process, with spaces between arguments; empty if it has ended."""
        try:
            text = (self._root / str(pid) / "cmdline").read_bytes()
        except OSError:
            return ""
        return text.replace(b"\0", b" ").decode(errors="replace").strip()

    def machine(self) -> Machine:
        """Return the CPU times of the machine."""
        with (self._root / "stat").open() as file:
            return parse_machine(file.readline())

    def load(self) -> float:
        """Return the load average of the last minute."""
        return float((self._root / "loadavg").read_text().split()[0])


def parse_process(text: str) -> Process:
    """Read the text of /proc/PID/stat."""
    pid, _, rest = text.partition(" ")
    fields = rest.rpartition(")")[2].split()
    own, waited = (sum(map(int, fields[part])) / _TICKS for part in (_OWN, _WAITED))
    return Process(int(pid), int(fields[_PARENT]), own, waited)


def parse_machine(line: str) -> Machine:
    """Read the first line of /proc/stat. Guests' time is part of user time already."""
    values = [int(field) for field in line.split()[1:]][:_GUEST]
    total, stolen = sum(values), values[_STEAL]
    busy = total - values[_IDLE] - values[_IOWAIT] - stolen
    return Machine(total / _TICKS, busy / _TICKS, stolen / _TICKS)


def children(processes: dict[int, Process]) -> dict[int, list[int]]:
    """Return the ids of each process's children."""
    found: dict[int, list[int]] = defaultdict(list)
    for process in processes.values():
        found[process.parent].append(process.pid)
    return found


def portion(command: str) -> str | None:
    """Name a child whose share in its service's cost is shown by itself; None for what belongs to the service.

    Sessions of Postgres go by their user. Flink's Python workers are not the JVM that started them.
    """
    if session := _SESSION.match(command):
        return session.group(1)
    return "python" if "pyflink.fn_execution" in command else None
