"""Rows as plots: SVG by Vega-Lite, in the colours of the page's style sheet, which knows light, dark and paper."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import vl_convert
from markupsafe import Markup

from analytics.report import rows
from analytics.report.queries import Period
from analytics.report.text import amount, counted, number, percentage, words

Spec = dict[str, Any]

_VERSION: Final = "6.4"
_WIDTH: Final = 250
_HEIGHT: Final = 130
_STEP: Final = 24
_OUTCOMES: Final = ("recovered", "failed again", "open", "lost")
_STATES: Final = ("passed", "redriven", "closed", "open")
# 1.5k; by the axis' own format nothing would be 0k.
_SHORT: Final = "format(datum.value, '~s')"
_CONFIG: Final[Spec] = {
    # The figure around it says what it shows: a reader need not hear of each tick.
    "aria": False,
    "background": "transparent",
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "gridColor": "var(--rule)",
        "domainColor": "var(--rule)",
        "tickColor": "var(--rule)",
        "labelPadding": 6,
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
    },
    "legend": {
        "labelColor": "currentColor",
        "labelFontSize": 11,
        "title": None,
        "orient": "bottom",
        "columns": 2,
        "symbolStrokeWidth": 0,
        "symbolType": "square",
    },
    "bar": {"color": "var(--accent)"},
    "text": {"color": "currentColor", "fontSize": 11},
}


@dataclass(frozen=True)
class Drawing:
    """A plot: its title, what it shows in a sentence for who cannot see it, and the SVG."""

    title: str
    alt: str
    svg: Markup


def draw_volume(volume: Iterable[rows.Volume], currency: str, period: Period) -> Drawing:
    """Money received by day, in one currency."""
    days = [each for each in volume if each.currency == currency]
    best = max(days, key=lambda each: each.captured_major)
    total = sum((each.captured_major for each in days), Decimal(0))
    values = [{"day": each.event_date.isoformat(), "value": float(each.captured_major)} for each in days]
    return Drawing(
        currency,
        f"Received in {currency} by day: {amount(total, currency)} on {counted(len(days), 'day')}, most on"
        f" {best.event_date}: {amount(best.captured_major, currency)}.",
        _svg({**_by_day(values, period, {"labelExpr": _SHORT}), "mark": {"type": "bar"}}),
    )


def draw_success(success: Iterable[rows.Success], provider: str, period: Period) -> Drawing:
    """The part of ended payments that succeeded, by day, at one provider."""
    days = [each for each in success if each.provider == provider]
    succeeded = sum(each.succeeded_count for each in days)
    ended = succeeded + sum(each.failed_count for each in days)
    worst = min(days, key=lambda each: each.succeeded_count / (each.succeeded_count + each.failed_count))
    values = [
        {"day": each.event_date.isoformat(), "value": each.succeeded_count / (each.succeeded_count + each.failed_count)}
        for each in days
    ]
    spec = _by_day(values, period, {"format": ".0%", "values": [0, 0.25, 0.5, 0.75, 1]}, domain=[0, 1])
    point = {"filled": True, "size": 14, "color": "var(--accent)"}
    return Drawing(
        words(provider),
        f"Success rate at {provider} by day: {percentage(succeeded, ended)} of {counted(ended, 'payment')} in all,"
        f" lowest on {worst.event_date}:"
        f" {percentage(worst.succeeded_count, worst.succeeded_count + worst.failed_count)}.",
        _svg({**spec, "mark": {"type": "line", "color": "var(--accent)", "strokeWidth": 1.5, "point": point}}),
    )


def draw_declines(declines: Sequence[rows.Decline]) -> Drawing:
    """Failed attempts by category, split by what became of them."""
    values = [
        {"name": words(each.failure_category), "part": part, "value": value}
        for each in declines
        for part, value in zip(
            _OUTCOMES, (each.recovered_count, each.again_count, each.open_count, each.lost_count), strict=True
        )
    ]
    most = declines[0]
    return Drawing(
        "Failed attempts, by what became of them",
        "Failed attempts by category, split into recovered, failed again, open and lost."
        f" {counted(len(declines), 'bar')}, the longest for {words(most.failure_category)}:"
        f" {number(most.failed_count)}, {number(most.recovered_count)} of them recovered.",
        _svg(_stacked(values, _OUTCOMES, "attempts")),
    )


def draw_funnel(steps: Sequence[rows.Recovery]) -> Drawing:
    """How much money of one currency came how far in recovery; the steps in their order."""
    currency = steps[0].currency
    values = [
        {"name": each.step, "value": float(each.amount_major or 0), "said": amount(each.amount_major, currency)}
        for each in steps
    ]
    said = ", ".join(f"{each['name']} {each['said']}" for each in values)
    colours = ["var(--soft)"] * 3 + ["var(--good)", "var(--warn)", "var(--bad)"]
    spec = _labelled(values, [each.step for each in steps], colours)
    return Drawing(currency, f"Claims that failed in {currency}: {said}.", _svg(spec))


def draw_health(health: Sequence[rows.Health]) -> Drawing:
    """The lowest scores of a month, a bar for each merchant."""
    values = [
        {
            "name": each.merchant_id,
            "value": float(each.score or 0),
            "said": f"{each.score if each.score is not None else 'no figures'} {words(each.band)}",
            "band": each.band,
        }
        for each in health
    ]
    bands = ["healthy", "watch", "at_risk", "unknown"]
    spec = _labelled(values, bands, ["var(--good)", "var(--warn)", "var(--bad)", "var(--soft)"], by="band", most=100)
    worst = health[0]
    return Drawing(
        "Lowest scores, of 100",
        f"Scores of {counted(len(health), 'merchant')} from 0 to 100, the lowest first: {worst.merchant_id} has"
        f" {worst.score if worst.score is not None else 'no score'}, {words(worst.band)}.",
        _svg(spec),
    )


def draw_quarantine(quarantine: Sequence[rows.Quarantine]) -> Drawing:
    """Quarantined events by reason, split by how they stand."""
    values = [{"name": words(each.reason_code), "part": each.state, "value": each.event_count} for each in quarantine]
    total = sum(each.event_count for each in quarantine)
    waiting = sum(each.event_count for each in quarantine if each.state == "open")
    return Drawing(
        "Quarantined events, by how they stand",
        f"{counted(total, 'quarantined event')} by first reason, split by state; {number(waiting)} open.",
        _svg(_stacked(values, _STATES, "events")),
    )


def _by_day(
    values: Sequence[Mapping[str, Any]], period: Period, axis: Mapping[str, Any], domain: Sequence[float] | None = None
) -> Spec:
    """A plot whose x axis is the whole period, so that plots beside each other can be compared."""
    scale = {"type": "utc", "domain": [period.since.isoformat(), period.until.isoformat()]}
    return {
        "width": _WIDTH,
        "height": _HEIGHT,
        "data": {"values": list(values)},
        "encoding": {
            "x": {
                "field": "day",
                "type": "temporal",
                "timeUnit": "utcyearmonthdate",
                "scale": scale,
                "title": None,
                "axis": {"format": "%b %-d", "tickCount": 4, "grid": False, "labelOverlap": True},
            },
            "y": {
                "field": "value",
                "type": "quantitative",
                "title": None,
                "scale": {"domain": domain} if domain else {"zero": True},
                "axis": {"tickCount": 4, **axis},
            },
        },
    }


def _stacked(values: Sequence[Mapping[str, Any]], parts: Sequence[str], title: str) -> Spec:
    """Bars to the right, one for each name, split into parts that all have a colour."""
    colours = ["var(--good)", "var(--aside)", "var(--warn)", "var(--bad)"]
    if parts is _STATES:
        colours = ["var(--good)", "var(--aside)", "var(--soft)", "var(--bad)"]
    order = [
        {"name": each["name"], "part": each["part"], "value": each["value"], "order": parts.index(each["part"])}
        for each in values
    ]
    return {
        "width": _WIDTH,
        "height": {"step": _STEP},
        "data": {"values": order},
        "mark": {"type": "bar", "height": {"band": 0.7}},
        "encoding": {
            "y": {
                "field": "name",
                "type": "nominal",
                "title": None,
                "sort": {"field": "value", "op": "sum", "order": "descending"},
                "axis": {"labelLimit": 170, "ticks": False, "domain": False},
            },
            "x": {
                "field": "value",
                "type": "quantitative",
                "title": title,
                "axis": {"tickCount": 4, "labelExpr": _SHORT, "tickMinStep": 1},
            },
            "color": {
                "field": "part",
                "type": "nominal",
                "scale": {"domain": list(parts), "range": colours},
            },
            "order": {"field": "order", "type": "quantitative"},
        },
    }


def _labelled(
    values: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    colours: Sequence[str],
    by: str = "name",
    most: float | None = None,
) -> Spec:
    """Bars to the right, each with what it is at its end, in the order of the values."""
    # Room for what is written behind the longest bar.
    largest = most or max(each["value"] for each in values) or 1
    bar: Spec = {
        "mark": {"type": "bar", "height": {"band": 0.7}},
        "encoding": {"color": {"field": by, "scale": {"domain": list(names), "range": list(colours)}, "legend": None}},
    }
    label: Spec = {
        "mark": {"type": "text", "align": "left", "dx": 5},
        "encoding": {"text": {"field": "said"}},
    }
    return {
        "width": _WIDTH,
        "height": {"step": _STEP},
        "data": {"values": list(values)},
        "encoding": {
            "y": {
                "field": "name",
                "type": "nominal",
                "title": None,
                "sort": None,
                "axis": {"labelLimit": 140, "ticks": False, "domain": False},
            },
            "x": {
                "field": "value",
                "type": "quantitative",
                "scale": {"domain": [0, largest * 1.6]},
                "axis": None,
            },
        },
        "layer": [bar, label],
    }


def _svg(spec: Spec) -> Markup:
    drawn = vl_convert.vegalite_to_svg({**spec, "config": _CONFIG}, vl_version=_VERSION)
    return Markup(drawn)  # noqa: S704  # Vega escapes what it writes, which a test holds it to
