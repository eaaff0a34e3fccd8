"""What a dashboard is made of."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PROVIDER: Final = "$provider"
"""Stands in a query for the providers that were chosen: a name, or an alternative of names for `=~`."""
OF_PROVIDER: Final = f'provider=~"{PROVIDER}"'
RAW_TOPICS: Final = f'topic=~"payments[.]({PROVIDER})[.]raw"'
"""Selectors of what the chosen providers have."""
INTERVAL: Final = "$__rate_interval"
"""The window of a rate, which Grafana chooses by the width of the picture and the distance of scrapes."""


class Shape(StrEnum):
    """How a panel shows its series."""

    NUMBER = "number"
    LINES = "lines"
    STACKED = "stacked"
    BARS = "bars"


class Unit(StrEnum):
    """The units of panels, by Grafana's ids for them."""

    SECONDS = "s"
    SHARE = "percentunit"
    PER_SECOND = "cps"
    COUNT = "short"
    BYTES_PER_SECOND = "Bps"


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL, and how each of its series is named: `{{label}}` stands for the label's value."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Limit:
    """Where a value begins to be bad: above it, or below it where it is a floor."""

    value: float
    is_floor: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture.

    Args:
        title: What is shown, in a few words.
        description: What a reader has to know to judge it.
        unit: Of all its series.
        queries: What is asked.
        shape: How it is drawn.
        limit: Where values begin to be bad, from an objective or an alert.
        alerts: The alerts that are about it: their run-books are linked.
        width: In twenty-fourths.
    """

    title: str
    description: str
    unit: Unit
    queries: tuple[Query, ...]
    shape: Shape = Shape.LINES
    limit: Limit | None = None
    alerts: tuple[str, ...] = ()
    width: int = 8


@dataclass(frozen=True, slots=True)
class Section:
    """A row of panels under a heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page. `name` is that of its file, and the end of its uid."""

    name: str
    title: str
    description: str
    sections: tuple[Section, ...]

    @property
    def panels(self) -> Iterator[Panel]:
        """All panels, from top to bottom."""
        for section in self.sections:
            yield from section.panels

    @property
    def is_by_provider(self) -> bool:
        """Whether a query asks for the chosen providers alone."""
        return any(PROVIDER in query.expr for panel in self.panels for query in panel.queries)


def number(
    title: str, description: str, unit: Unit, expr: str, *, limit: Limit | None = None, alerts: tuple[str, ...] = ()
) -> Panel:
    """Return a panel with one number; six of them are a row."""
    return Panel(title, description, unit, (Query(expr, ""),), Shape.NUMBER, limit, alerts, width=4)


def quantiles(histogram: str, by: str = "", where: str = "") -> tuple[Query, ...]:
    """Return the median, the 95th and the 99th of a histogram, for each value of a label if one is named."""
    labels, legend = (f"le, {by}", f"{{{{{by}}}}} ") if by else ("le", "")
    selector = f"{{{where}}}" if where else ""
    rate = f"sum by ({labels}) (rate({histogram}_bucket{selector}[{INTERVAL}]))"
    return tuple(
        Query(f"histogram_quantile({share}, {rate})", f"{legend}p{share * 100:g}") for share in (0.5, 0.95, 0.99)
    )


def quantile(share: float, histogram: str, legend: str, by: str = "", where: str = "") -> Query:
    """Return one quantile of a histogram, for each value of a label if one is named."""
    labels = f"le, {by}" if by else "le"
    selector = f"{{{where}}}" if where else ""
    return Query(
        f"histogram_quantile({share}, sum by ({labels}) (rate({histogram}_bucket{selector}[{INTERVAL}])))", legend
    )


def rate(counter: str, legend: str, by: str = "", where: str = "") -> Query:
    """Return how fast a counter grows per second, for each value of some labels if any are named."""
    selector = f"{{{where}}}" if where else ""
    summed = f"sum by ({by})" if by else "sum"
    return Query(f"{summed} (rate({counter}{selector}[{INTERVAL}]))", legend)
