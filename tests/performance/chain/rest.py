"""The stack before anything is sent: it settles, and what it costs idle is measured."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.performance.chain.figures import per_second

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.performance.chain.progress import Progress
    from tests.performance.chain.watch import Watch

_STEP_SECONDS = 0.5


@dataclass(frozen=True)
class Idle:
    """What the stack costs without events: fractions of a core by service, and the whole as it is written down."""

    cores: Mapping[str, float]
    result: Mapping[str, Any]


def rest(watch: Watch, seconds: float, progress: Progress) -> Idle:
    """Measure the stack while nothing is sent."""
    first = watch.look()
    progress.phase("idle", seconds, {})
    while (passed := time.time() - first.at) < seconds:
        progress.passed(passed)
        time.sleep(min(_STEP_SECONDS, seconds - passed))
    span = watch.between(first, watch.look())
    cores = per_second(span.usage, span.seconds)
    result = {
        "seconds": span.seconds,
        "cores_used": sum(cores.values()),
        "cores": cores,
        "own_cores": {"observers": span.own / span.seconds},
        "memory_mib": watch.memory(),
        **span.conditions(),
    }
    return Idle(cores, result)


def settle_down(watch: Watch, seconds: float, progress: Progress) -> None:
    """Wait until every service has run for some time: what starts is not what runs."""
    name, age = watch.youngest()
    if age >= seconds:
        return
    progress.phase(f"settling: {name} has run {age:.0f} of {seconds:.0f} s", seconds - age, {})
    began = time.monotonic()
    while (age := watch.youngest()[1]) < seconds:
        progress.passed(time.monotonic() - began)
        time.sleep(min(1.0, seconds - age))
