"""How much memory processes use, read from /proc."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

KIB = 1024


def children() -> dict[int, list[int]]:
    """Return the ids of each process's children."""
    found: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # The name in parentheses may itself hold spaces and parentheses.
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            found[int(fields[1])].append(int(entry.name))
    return found


def resident_bytes(pid: int) -> int:
    """Return a process's memory in bytes: where the kernel tells, pages shared with others count in part (PSS)."""
    for file, field in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        try:
            text = Path(f"/proc/{pid}/{file}").read_text()
        except OSError:
            continue
        for line in text.splitlines():
            if line.startswith(field):
                return int(line.split()[1]) * KIB
    return 0


def tree_bytes(roots: Iterable[int]) -> Mapping[int, int]:
    """Return the memory in bytes of each process together with all that descends from it."""
    offspring = children()

    def total(pid: int) -> int:
        return resident_bytes(pid) + sum(map(total, offspring.get(pid, [])))

    return {root: total(root) for root in roots}
