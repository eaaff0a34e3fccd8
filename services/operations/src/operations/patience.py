"""Waits for counts that grow, for as long as they grow."""

import time
from collections.abc import Callable


def wait_for(
    count: Callable[[], int],
    expected: int,
    patience_seconds: float,
    report: Callable[[int], None],
    *,
    interval_seconds: float = 0.5,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Wait until `count` reaches `expected`; give up after `patience_seconds` without growth.

    `report` is told each count. Returns whether the count was reached.
    """
    best, since = -1, now()
    while True:
        found = count()
        report(found)
        if found >= expected:
            return True
        if found > best:
            best, since = found, now()
        elif now() - since > patience_seconds:
            return False
        sleep(interval_seconds)
