"""How much of the processors the stack uses, and waiting until that is little."""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from stack.memory import children

WINDOW_SECONDS = 3.0
# Idle, the stack takes a quarter of a core; a just-started one takes all there are, to compile its code.
QUIET_CORES = 0.5
PATIENCE_SECONDS = 180.0
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(roots: Iterable[int]) -> float:
    """Return the processor time that these processes and all that descends from them have used so far."""
    offspring = children()

    def total(pid: int) -> float:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        # Its own time, and that of its children that have ended.
        return sum(map(int, fields[11:15])) / _TICKS + sum(map(total, offspring.get(pid, [])))

    return sum(map(total, roots))


def settle(
    used: Callable[[], float],
    say: Callable[[str], None],
    *,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Wait until the stack is quiet; return whether it is before the patience ends.

    Args:
        used: Gives the processor time in seconds that the stack has used so far.
        say: Is told once that there is something to wait for.
        monotonic: A clock in seconds.
        sleep: Waits for so many seconds.
    """
    began = monotonic()
    told = False
    while True:
        before, at = used(), monotonic()
        sleep(WINDOW_SECONDS)
        cores = (used() - before) / (monotonic() - at)
        # A process that has ended takes its time out of the sum.
        if 0 <= cores <= QUIET_CORES:
            return True
        if monotonic() - began > PATIENCE_SECONDS:
            return False
        if not told:
            say(f"The stack has just started and is still at work ({cores:.1f} cores); waiting until it is quiet.")
            told = True
