"""Waits for counts that grow, for as long as they grow."""

import time
from collections.abc import Callable

_INTERVAL_SECONDS = 0.5


def wait_for(
    count: Callable[[], int],
    expected: int,
    patience_seconds: float,
    report: Callable[[int], None],
    *,
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
        sleep(_INTERVAL_SECONDS)
