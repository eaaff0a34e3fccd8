"""Waits for what was sent to arrive."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.performance.chain.watch import Look, Watch

_STEP_SECONDS = 0.5


def await_rows(
    watch: Watch, wanted: Sequence[str], patience: float, tell: Callable[[], tuple[int, int]]
) -> tuple[Look, Mapping[str, float]]:
    """Wait until all events are in the topic of normalized events and in the lake, or nothing arrives for a time.

    Args:
        watch: The observers.
        wanted: The events' ids.
        patience: For how many seconds nothing may arrive before the rest is given up.
        tell: Called all the time; returns how many events have reached topic and lake, whichever they are.

    Returns:
        The look at that moment, and when each event's row was first seen.
    """
    before, since = (-1, -1), time.monotonic()
    while True:
        reached = tell()
        if reached != before:
            before, since = reached, time.monotonic()
        is_late = time.monotonic() - since > patience
        if min(reached) >= len(wanted) or is_late:
            # Before the files are read, so that this is not counted.
            last = watch.look()
            visible = watch.lake.rows()
            if is_late or (visible.keys() >= set(wanted) and watch.stream.arrivals().keys() >= set(wanted)):
                return last, visible
        time.sleep(_STEP_SECONDS)
