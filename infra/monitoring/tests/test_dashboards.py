"""Dashboards read what there is, fit a laptop's screen, and lead to the run-book."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from monitoring.alerts import ALERTS
from monitoring.burning import BUDGET, DAYS
from monitoring.dashboards.drawing import DATASOURCE
from monitoring.dashboards.model import INTERVAL, PROVIDER, Dashboard, Panel, Query
from monitoring.dashboards.overview import limit
from monitoring.dashboards.pages import DASHBOARDS
from monitoring.dashboards.runbooks import runbooks
from monitoring.promql import LABELS, grouped, series, unknown
from monitoring.rules import files
from monitoring.slos import SLOS

HERE = Path(__file__).resolve().parents[1]
ROOT = HERE.parents[1]
RECORDED = {
    rule["record"]: set(rule.get("labels", {}))
    for _, text in files()
    for group in yaml.safe_load(text)["groups"]
    for rule in group["rules"]
    if "record" in rule
}
PANELS = [
    pytest.param(panel, id=f"{dashboard.name}: {panel.title}") for dashboard in DASHBOARDS for panel in dashboard.panels
]
DRAWN: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (HERE / "dashboards").glob("*.json")
}


def missing(query: Query) -> set[str]:
    """Return what a query asks for, or names its series by, that there is not."""
    kept = grouped(query.expr)
    if not kept:
        kept = frozenset().union(*(LABELS.get(each, RECORDED.get(each, set())) for each in series(query.expr)))
        kept |= {"job"}
    return {*unknown(query.expr, RECORDED.keys()), *(set(re.findall(r"{{(\w+)}}", query.legend)) - kept)}


def test_the_pages_are_those_that_were_asked_for() -> None:
    assert [each.name for each in DASHBOARDS] == [
        *("overview", "gateway", "normalizer", "kafka", "orchestrator", "lake", "analytics", "recovery"),
    ]
    assert {*DRAWN} == {*(each.name for each in DASHBOARDS), "runbooks"}


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_reads_only_what_there_is(panel: Panel) -> None:
    assert panel.queries
    for query in panel.queries:
        assert series(query.expr)
        assert missing(query) == set()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (Query("sum by (provider) (rate(gateway_webhoks_total[1m]))", "{{provider}}"), {"gateway_webhoks_total"}),
        (Query("sum by (provider) (rate(gateway_webhooks_total[1m]))", "{{reason}}"), {"reason"}),
        (Query("watch_part_up", "{{portion}}"), {"portion"}),
        (Query(f"sum(rate(gateway_webhooks_total[{INTERVAL}]))", ""), set()),
        (Query("slo:error_ratio:5m", "{{slo}}"), set()),
    ],
    ids=["a misspelt name", "a label that is summed away", "a label of none", "sound", "recorded"],
)
def test_what_there_is_not_is_noticed(query: Query, found: set[str]) -> None:
    assert missing(query) == found


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_says_what_it_means(panel: Panel) -> None:
    assert panel.description.endswith(".")
    assert len(panel.title) <= 50
    # With several series each needs its name.
    assert len(panel.queries) == 1 or all(query.legend for query in panel.queries)


@pytest.mark.parametrize("panel", PANELS)
def test_what_is_recorded_is_not_computed_again(panel: Panel) -> None:
    for query in panel.queries:
        for slo in SLOS:
            assert slo.good.replace("WINDOW", "5m") not in query.expr


def test_windows_of_days_are_left_to_alerts() -> None:
    # They are recorded seldom, and tell nothing of now.
    slow = {f"slo:error_ratio:{window}" for window in DAYS}
    assert not [
        query.expr
        for each in DASHBOARDS
        for panel in each.panels
        for query in panel.queries
        if series(query.expr) & slow
    ]
    assert BUDGET in RECORDED


def test_limits_are_those_of_the_objectives() -> None:
    assert {slo.name: slo.bound for slo in SLOS if slo.bound} == {
        name: limit(name).value for name in ("acknowledgement", "normalization", "workflow_duration", "freshness")
    }
    with pytest.raises(LookupError):
        limit("validation")


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.name)
def test_a_page_can_be_narrowed_to_providers_where_a_query_knows_them(dashboard: Dashboard) -> None:
    variables = [each["name"] for each in DRAWN[dashboard.name].get("templating", {}).get("list", [])]
    assert variables == (["provider"] if dashboard.is_by_provider else [])
    assert any(PROVIDER in query.expr for each in DASHBOARDS for panel in each.panels for query in panel.queries)


@pytest.mark.parametrize("name", DRAWN)
def test_panels_lie_beside_each_other_within_the_screen(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DRAWN[name]["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24, panel["title"]
        # Narrower, a laptop shows no more than a number.
        assert place["w"] >= (4 if panel["type"] == "stat" else 6), panel["title"]
        taken |= cells


@pytest.mark.parametrize("name", DRAWN)
def test_a_page_has_ids_of_its_own(name: str) -> None:
    numbers = [panel["id"] for panel in DRAWN[name]["panels"]]
    assert len(set(numbers)) == len(numbers)
    assert DRAWN[name]["uid"] == f"payments-{name}"


def test_the_links_of_a_panel_lead_to_the_sections_of_its_alerts() -> None:
    sections = {panel["id"]: panel["title"] for panel in DRAWN["runbooks"]["panels"]}
    followed = 0
    for name, page in DRAWN.items():
        for panel in page["panels"]:
            for link in panel.get("links") or ():
                match = re.fullmatch(r"/d/payments-runbooks\?viewPanel=(\d+)", link["url"])
                assert match, f"{name}: {link['url']}"
                assert link["title"] == f"Run-book: {sections[int(match[1])]}"
                followed += 1
    assert followed >= len(ALERTS)


def test_every_alert_is_linked_from_a_panel() -> None:
    linked = {alert for each in DASHBOARDS for panel in each.panels for alert in panel.alerts}
    assert linked == {each.name for each in ALERTS}


def test_a_section_of_the_run_book_has_no_link_that_leads_nowhere() -> None:
    texts = {each.alert: each.text for each in runbooks(ROOT)}
    assert "QuarantineRateHigh" in texts["ErrorBudgetBurnsFast"]
    assert not [alert for alert, text in texts.items() if "](" in text]


def test_grafana_is_told_where_to_ask_and_where_the_pages_are() -> None:
    provisioning = HERE / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"]
    assert (source["uid"], source["type"], source["url"]) == (DATASOURCE, "prometheus", "${PROMETHEUS_URL}")
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "payments.yaml").read_text())["providers"]
    assert provider["options"]["path"] == "/etc/payments/dashboards"
    asked = {panel["datasource"]["uid"] for page in DRAWN.values() for panel in page["panels"] if panel.get("targets")}
    assert asked == {DATASOURCE}
