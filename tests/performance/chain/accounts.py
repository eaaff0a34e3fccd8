"""How much CPU time each service of the stack has used, children included, across restarts."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from tests.performance.chain.proc import Proc, children, portion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from tests.performance.chain.proc import Process

Usage = dict[str, float]
"""Seconds of CPU by service, since the first look. A part of a service is called `service: part`."""


class Accounts:
    """Adds up what services use. Call `look` often: what a killed process used after the last look is not known.

    A child that has ended is counted by the kernel with its parent; what is known of it is moved back to its part.

    Args:
        proc: Where to read.
        roots: Returns the id of each service's process as it is now, by name.
        alone: Names of processes whose children are services of their own.
    """

    def __init__(
        self, proc: Proc, roots: Callable[[], Mapping[str, int]], alone: AbstractSet[str] = frozenset()
    ) -> None:
        self._proc = proc
        self._roots = roots
        self._alone = alone
        # What ended processes of a service used, the last look at its present process, and where counting began.
        self._past: defaultdict[str, Usage] = defaultdict(lambda: defaultdict(float))
        self._trees: dict[str, _Tree] = {}
        self._start: Usage | None = None
        self.restarts: defaultdict[str, int] = defaultdict(int)

    def look(self) -> Usage:
        """Return what each service has used since the first look."""
        roots = self._roots()
        processes = self._proc.processes()
        offspring = children(processes)
        for name, pid in roots.items():
            if pid not in processes:
                continue
            if name in self._alone:
                past = self._past[name]
                past[""] = max(past[""], processes[pid].own)
                continue
            tree = self._trees.get(name)
            if tree is None or tree.root != pid:
                if tree is not None:
                    self.restarts[name] += 1
                    for part, seconds in tree.usage().items():
                        self._past[name][part] += seconds
                tree = self._trees[name] = _Tree(pid)
            tree.update(processes, offspring, self._proc.command)
        usage: Usage = {}
        for name in {*self._trees, *self._past}:
            tree, past = self._trees.get(name), self._past[name]
            present = tree.usage() if tree is not None else {}
            for part in present.keys() | past.keys():
                usage[f"{name}: {part}" if part else name] = present.get(part, 0.0) + past.get(part, 0.0)
        if self._start is None:
            self._start = dict(usage)
        # What was not there at the first look began at nothing.
        return {name: seconds - self._start.get(name, 0.0) for name, seconds in usage.items()}


class _Tree:
    """A process with all that descends from it."""

    def __init__(self, root: int) -> None:
        self.root = root
        self._total = 0.0
        self._names: dict[int, str | None] = {}
        self._parts: dict[int, float] = {}
        self._ended: defaultdict[str, float] = defaultdict(float)

    def update(
        self, processes: Mapping[int, Process], offspring: Mapping[int, list[int]], command: Callable[[int], str]
    ) -> None:
        """Take in how things are now."""
        self._total = _sum(self.root, processes, offspring)
        present = set(offspring.get(self.root, ()))
        for pid in self._parts.keys() - present:
            name = self._names.pop(pid)
            assert name is not None
            self._ended[name] += self._parts.pop(pid)
        for pid in self._names.keys() - present:
            del self._names[pid]
        for pid in present:
            # A process may take its lasting name a moment after its birth.
            if self._names.get(pid) is None:
                self._names[pid] = portion(command(pid))
            if self._names[pid] is not None:
                self._parts[pid] = _sum(pid, processes, offspring)

    def usage(self) -> Usage:
        """Return seconds by part; that without a name is the rest."""
        found: Usage = defaultdict(float, self._ended)
        for pid, seconds in self._parts.items():
            name = self._names[pid]
            assert name is not None
            found[name] += seconds
        return {"": self._total - sum(found.values()), **found}


def _sum(pid: int, processes: Mapping[int, Process], offspring: Mapping[int, Iterable[int]]) -> float:
    process = processes.get(pid)
    own = process.own + process.waited if process is not None else 0.0
    return own + sum(_sum(child, processes, offspring) for child in offspring.get(pid, ()))
