"""Draws dashboards as the JSON that Grafana reads, by the builders of its Foundation SDK."""

import json
from typing import Final, TypeVar

from grafana_foundation_sdk.builders import stat, text, timeseries
from grafana_foundation_sdk.builders.common import GraphThresholdsStyleConfig as ThresholdsStyle
from grafana_foundation_sdk.builders.common import (
    ReduceDataOptions,
    StackingConfig,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import Dashboard as Page
from grafana_foundation_sdk.builders.dashboard import DashboardLink as Link
from grafana_foundation_sdk.builders.dashboard import QueryVariable, Row, ThresholdsConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableOption,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.text import TextMode

from monitoring.dashboards.model import Dashboard, Limit, Panel, Shape, Unit
from monitoring.dashboards.runbooks import Runbook, link

DATASOURCE: Final = "prometheus"
"""The uid of the data source, as `grafana/provisioning` has it."""
TAG: Final = "payments"
RUNBOOKS: Final = "payments-runbooks"
"""The uid of the page of run-books."""
_SOURCE: Final = DataSourceRef(type_val="prometheus", uid=DATASOURCE)
_GOOD, _BAD = "green", "red"
_Drawn = TypeVar("_Drawn", stat.Panel, timeseries.Panel)
"""The SDK has no type for what its panels have in common."""
_HEIGHT: Final = {Shape.NUMBER: 4}
_PROVIDERS: Final = "label_values(gateway_webhooks_total, provider)"


def draw(dashboard: Dashboard) -> str:
    """Return a dashboard as JSON."""
    page = _page(dashboard.name, dashboard.title, dashboard.description)
    if dashboard.is_by_provider:
        page.with_variable(_providers())
    for section in dashboard.sections:
        page.with_row(Row(section.title))
        for panel in section.panels:
            page.with_panel(_number(panel) if panel.shape is Shape.NUMBER else _series(panel))
    return _text(page)


def draw_runbooks(runbooks: tuple[Runbook, ...]) -> str:
    """Return the page that the links of panels lead to: one panel of text for each alert."""
    page = _page("runbooks", "Run-books", "What each alert means, how to look, what to do.").refresh("")
    for each in runbooks:
        panel = text.Panel().title(each.alert).mode(TextMode.MARKDOWN).content(each.text)
        page.with_panel(panel.id(each.number).span(24).height(9))
    return _text(page)


def _page(name: str, title: str, description: str) -> Page:
    others = Link("Payments").type(DashboardLinkType.DASHBOARDS).tags([TAG])
    return (
        Page(title)
        .uid(f"{TAG}-{name}")
        .description(description)
        .tags([TAG])
        .readonly()
        .time("now-30m", "now")
        .refresh("30s")
        .timezone("utc")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(others.keep_time(keep_time=True).include_vars(include_vars=True))
    )


def _providers() -> QueryVariable:
    return (
        QueryVariable("provider")
        .label("Provider")
        .datasource(_SOURCE)
        .query(_PROVIDERS)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".*")
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def _number(panel: Panel) -> stat.Panel:
    (query,) = panel.queries
    drawn = (
        stat.Panel()
        .with_target(Dataquery().expr(query.expr).legend_format(query.legend).ref_id("A").datasource(_SOURCE).range())
        .graph_mode(common.BigValueGraphMode.AREA)
        .color_mode(common.BigValueColorMode.VALUE)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
    )
    return _said(drawn, panel)


def _series(panel: Panel) -> timeseries.Panel:
    drawn = timeseries.Panel()
    for place, query in enumerate(panel.queries):
        asked = Dataquery().expr(query.expr).legend_format(query.legend).ref_id(chr(ord("A") + place))
        drawn.with_target(asked.datasource(_SOURCE).range())
    drawn = (
        drawn.legend(
            VizLegendOptions()
            .show_legend(show_legend=True)
            .display_mode(common.LegendDisplayMode.LIST)
            .placement(common.LegendPlacement.BOTTOM)
        )
        .tooltip(VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
        .show_points(common.VisibilityMode.NEVER)
        .line_width(1)
        .min(0)
    )
    match panel.shape:
        case Shape.STACKED:
            drawn = drawn.stacking(StackingConfig().mode(common.StackingMode.NORMAL).group("A")).fill_opacity(30)
        case Shape.BARS:
            drawn = drawn.draw_style(common.GraphDrawStyle.BARS).fill_opacity(60)
        case _:
            drawn = drawn.fill_opacity(5)
    if panel.limit is not None:
        drawn = drawn.thresholds_style(ThresholdsStyle().mode(common.GraphThresholdsStyleMode.DASHED))
    return _said(drawn, panel)


def _said(drawn: _Drawn, panel: Panel) -> _Drawn:
    """Return a panel of either kind with what they have in common."""
    drawn = (
        drawn.title(panel.title)
        .description(panel.description)
        .datasource(_SOURCE)
        .unit(str(panel.unit))
        .span(panel.width)
        .height(_HEIGHT.get(panel.shape, 7))
        .thresholds(_thresholds(panel.limit))
    )
    if panel.unit is Unit.SHARE:
        drawn = drawn.decimals(2)
    if panel.alerts:
        links = [Link(f"Run-book: {alert}").url(link(RUNBOOKS, alert)) for alert in panel.alerts]
        drawn = drawn.links([each.type(DashboardLinkType.LINK).target_blank(target_blank=True) for each in links])
    return drawn


def _thresholds(limit: Limit | None) -> ThresholdsConfig:
    steps = [Threshold(value=None, color=_GOOD)]
    if limit is not None:
        below, above = (_BAD, _GOOD) if limit.is_floor else (_GOOD, _BAD)
        steps = [Threshold(value=None, color=below), Threshold(value=limit.value, color=above)]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def _text(page: Page) -> str:
    content = json.loads(json.dumps(page.build(), cls=JSONEncoder))
    for number, panel in enumerate(content["panels"], start=1):
        # A page that is provisioned keeps the ids of its panels, and links name them. Zero is the SDK's for none.
        panel["id"] = panel.get("id") or number
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
