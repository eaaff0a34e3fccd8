"""What the whole chain is to reach on two cores, with all of the stack up.

It is printed; with `--strict` the bench fails where one is missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tests.performance.pipeline.phases import ACKNOWLEDGED, LAKE, NORMALIZED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Relation = Literal["<", "<=", ">="]
OURS, OUTLINE = "aim", "outline"


@dataclass(frozen=True)
class Target:
    """A figure that is to be kept: where it is in the results, and how it must stand to the limit."""

    name: str
    source: str
    path: tuple[str, ...]
    relation: Relation
    limit: float
    unit: str

    def is_met(self, value: float) -> bool:
        """Tell whether a figure keeps the target."""
        match self.relation:
            case "<":
                return value < self.limit
            case "<=":
                return value <= self.limit
            case ">=":
                return value >= self.limit


def _latency(rate: str, hop: str, share: str, source: str, limit: float) -> Target:
    return Target(f"{rate}/s {hop} {share}", source, ("rates", rate, "latency_ms", hop, share), "<", limit, "ms")


TARGETS = (
    Target("idle", OURS, ("idle", "cores_used"), "<=", 0.25, "cores"),
    _latency("10", ACKNOWLEDGED, "p99", OUTLINE, 50),
    _latency("10", NORMALIZED, "p99", OURS, 150),
    _latency("10", NORMALIZED, "p99", OUTLINE, 200),
    _latency("10", LAKE, "p95", OURS, 1200),
    _latency("10", LAKE, "p95", OUTLINE, 2000),
    Target("10/s in all", OURS, ("rates", "10", "cores_used"), "<", 0.9, "cores"),
    _latency("25", ACKNOWLEDGED, "p99", OUTLINE, 50),
    _latency("25", NORMALIZED, "p99", OUTLINE, 200),
    _latency("25", LAKE, "p95", OUTLINE, 2000),
    Target("burst refused", OURS, ("burst", "refused", "all"), "<=", 0, "webhooks"),
    Target("burst drained", OURS, ("burst", "drained_per_second"), ">=", 30, "a second"),
)


def judge(results: Mapping[str, Any]) -> Iterator[tuple[Target, float, bool]]:
    """Yield each target whose figure was measured, with the figure and whether it is met."""
    for target in TARGETS:
        value: Any = results
        for key in target.path:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, int | float):
            yield target, value, target.is_met(value)
