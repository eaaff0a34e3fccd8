"""What builds of Silver and Gold may cost, in CPU of all programs, as shares of each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.performance.analytics.costs import Cost

SPREAD: Final = 0.2
"""How much more or less the same news may cost at the last size than at the first."""
SHARE: Final = 0.1
"""The most that news costs of everything anew."""
CROWDED: Final = 1.5
"""The most that Gold costs after many commits, of what it costs once the tables are compacted."""


@dataclass(frozen=True)
class Result:
    """A sentence with a figure, and whether that is as expected."""

    text: str
    is_reached: bool

    @classmethod
    def of(cls, text: str, ratio: float, least: float, most: float) -> Result:
        """Hold a ratio against bounds."""
        reached = least <= ratio <= most
        bounds = f"{least:.1f} to {most:.1f}" if least else f"at most {most}"
        return cls(f"{text}: {ratio:.3f} (expected {bounds}): {'reached' if reached else 'MISSED'}", reached)


def judge(
    news: Mapping[int, Cost], anew: tuple[int, Cost] | None, crowded: tuple[Cost, Cost] | None
) -> Iterator[Result]:
    """Yield what the costs are to each other.

    Args:
        news: What the same news costs, by the number of events that were there before.
        anew: A number of events, and what it costs to build all of them anew.
        crowded: What Gold costs after many commits, and after a compaction.
    """
    first, last = min(news), max(news)
    if first != last:
        ratio = news[last].total / news[first].total
        yield Result.of(f"news at {last:,} to news at {first:,} events", ratio, 1 - SPREAD, 1 + SPREAD)
    if anew is not None:
        size, cost = anew
        yield Result.of(f"news to all anew at {size:,} events", news[size].total / cost.total, 0, SHARE)
    if crowded is not None:
        ratio = crowded[0].total / crowded[1].total
        yield Result.of("Gold after many commits to after a compaction", ratio, 0, CROWDED)
