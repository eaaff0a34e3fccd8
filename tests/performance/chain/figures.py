"""The arithmetic of the benches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Spread:
    """How a time is distributed, in seconds."""

    p50: float
    p95: float
    p99: float
    max: float


def spread(values: Iterable[float]) -> Spread | None:
    """Return the percentiles of some values by nearest rank, so that each occurred; None where there are none."""
    ordered = sorted(values)
    if not ordered:
        return None
    p50, p95, p99 = (ordered[math.ceil(len(ordered) * share) - 1] for share in (0.5, 0.95, 0.99))
    return Spread(p50, p95, p99, ordered[-1])


def per_second(used: Mapping[str, float], seconds: float) -> dict[str, float]:
    """Return the fraction of a core that each service used over a time."""
    return {name: value / seconds for name, value in used.items()}


def difference(now: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    """Return what each service used since then; one that is new began at nothing."""
    return {name: value - before.get(name, 0.0) for name, value in now.items()}


def milliseconds_per_event(
    used: Mapping[str, float], idle: Mapping[str, float], seconds: float, events: int
) -> dict[str, float]:
    """Return what an event costs each service, beside what the service would have used anyway.

    Args:
        used: CPU seconds while the events were worked on.
        idle: Fraction of a core that each service uses without events.
        seconds: How long they were worked on.
        events: How many.
    """
    return {name: (value - idle.get(name, 0.0) * seconds) / events * 1000 for name, value in used.items()}


def ratios(now: Any, before: Any, path: str = "") -> dict[str, tuple[float, float, float]]:
    """Compare two results of the same shape: earlier number, present number and ratio, by their place in it.

    What only one of them has, and what was zero, is left out.
    """
    found: dict[str, tuple[float, float, float]] = {}
    if isinstance(now, dict) and isinstance(before, dict):
        for key in now:
            if key in before:
                found |= ratios(now[key], before[key], f"{path}.{key}" if path else key)
    elif _is_number(now) and _is_number(before) and before:
        found[path] = (before, now, now / before)
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
