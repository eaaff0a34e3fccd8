"""Recording rules of the objectives, and the expressions that tell how fast their budgets are spent.

Windows and factors are those of the SRE workbook (chapter 5, multiwindow, multi-burn-rate alerts) for a budget of 30
days: a page when 2 % of it is gone within an hour or 5 % within six, a ticket when 10 % is gone within three days. The
short window beside each long one ends an alert soon after its cause.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from monitoring.slos import Slo

RATIO: Final = "slo:error_ratio"
EVENTS: Final = "slo:events"
BUDGET: Final = "slo:error_budget"
FEWEST_EVENTS: Final = 20
"""Below so many events in the long window a share of them says nothing."""


@dataclass(frozen=True, slots=True)
class Burn:
    """So many times the budget's even pace, seen in both windows, is too fast."""

    long: str
    short: str
    factor: float


FAST: Final = (Burn("1h", "5m", 14.4), Burn("6h", "30m", 6))
SLOW: Final = (Burn("1d", "2h", 3), Burn("3d", "6h", 1))
HOURS: Final = ("5m", "30m", "1h", "2h", "6h")
DAYS: Final = ("1d", "3d")
_LONG: Final = frozenset(burn.long for burn in (*FAST, *SLOW))


def recording(slos: Iterable[Slo], windows: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the recording rules of some windows: the share of bad events, and how many events there were."""
    chosen = tuple(windows)
    for slo in slos:
        labels = {"slo": slo.name}
        for window in chosen:
            good, events = (text.replace("WINDOW", window) for text in (slo.good, slo.events))
            yield {"record": f"{RATIO}:{window}", "expr": f"1 - {good} / {events}", "labels": labels}
            if window in _LONG:
                yield {"record": f"{EVENTS}:{window}", "expr": events, "labels": labels}


def budgets(slos: Iterable[Slo]) -> Iterator[dict[str, Any]]:
    """Yield the share of bad events that each objective allows, as series, so that one alert serves all."""
    for slo in slos:
        yield {"record": BUDGET, "expr": f"vector({slo.budget})", "labels": {"slo": slo.name}}


def too_fast(burns: Iterable[Burn]) -> str:
    """Return the expression that is true of each objective whose budget is spent too fast."""
    return "\nor\n".join(
        f"(\n  {RATIO}:{burn.long} > {burn.factor:g} * {BUDGET}\n"
        f"  and {RATIO}:{burn.short} > {burn.factor:g} * {BUDGET}\n"
        f"  and {EVENTS}:{burn.long} >= {FEWEST_EVENTS}\n)"
        for burn in burns
    )
