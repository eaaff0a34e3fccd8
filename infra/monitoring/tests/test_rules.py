"""Rules read what there is, and each alert says what to do."""

import re
import sys
from pathlib import Path
from typing import Any

import analytics.alerts
import gateway.metrics
import orchestrator.metrics
import pytest
import yaml
from monitoring import __main__ as written
from monitoring.__main__ import contents
from monitoring.alert import Alert
from monitoring.alerts import ALERTS
from monitoring.burning import DAYS, FAST, HOURS, SLOW
from monitoring.own import OWN
from monitoring.promql import selected, series, unknown, within
from monitoring.raised import RAISED
from monitoring.release import RELEASE, of_release
from monitoring.slos import SLOS, Slo

HERE = Path(__file__).resolve().parents[1]
ROOT = HERE.parents[1]
RULES: list[dict[str, Any]] = [
    rule
    for path in sorted((HERE / "rules").glob("*.yaml"))
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
OF_RELEASE = [dict(of_release(rule)) for rule in RULES]
RECORDED = {rule["record"] for rule in RULES if "record" in rule}


def test_what_is_committed_is_what_is_written() -> None:
    assert RULES
    for path, text in contents().items():
        assert path.read_text(encoding="utf-8") == text, f"run `.venv/bin/python -m monitoring`: {path.name}"


def test_a_check_fails_on_what_would_be_written_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rules" / "alerts.yaml"
    monkeypatch.setattr(written, "contents", lambda: {path: "groups: []\n"})
    monkeypatch.setattr(sys, "argv", ["monitoring", "--check"])
    assert (written.main(), path.exists()) == (1, False)
    assert f"{path} is not what" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["monitoring"])
    assert (written.main(), path.read_text(encoding="utf-8")) == (0, "groups: []\n")
    monkeypatch.setattr(sys, "argv", ["monitoring", "--check"])
    assert written.main() == 0


@pytest.mark.parametrize(
    "rule", RULES, ids=lambda rule: rule.get("alert") or f"{rule['record']}-{rule['labels']['slo']}"
)
def test_a_rule_reads_only_series_and_labels_that_there_are(rule: dict[str, Any]) -> None:
    assert series(rule["expr"]) or rule["expr"].startswith("vector(")
    assert unknown(rule["expr"], RECORDED) == set()


@pytest.mark.parametrize(
    ("expression", "narrowed"),
    [
        ("up == 0", 'up{n="up"} == 0'),
        ("absent(up{})", 'absent(up{n="up"})'),
        (
            'sum by (job) (rate(a_total{ job=~"x{2}|}" }[5m])) > 1',
            'sum by (job) (rate(a_total{n="a_total", job=~"x{2}|}" }[5m])) > 1',
        ),
        ("a:b:5m unless on (job) a offset 1h", 'a:b:5m{n="a:b:5m"} unless on (job) a{n="a"} offset 1h'),
        ("vector(0.01)", "vector(0.01)"),
    ],
    ids=["bare", "empty braces", "braces with braces in a text", "a recorded one", "none"],
)
def test_a_matcher_goes_to_each_series(expression: str, narrowed: str) -> None:
    assert within(expression, lambda name: f'n="{name}"') == narrowed


@pytest.mark.parametrize(
    "rule", OF_RELEASE, ids=lambda rule: rule.get("alert") or f"{rule['record']}-{rule['labels']['slo']}"
)
def test_a_rule_of_a_release_reads_nothing_of_others(rule: dict[str, Any]) -> None:
    asked = {name for name, label in selected(rule["expr"]) if label == "namespace"}
    assert asked == series(rule["expr"])
    of_volumes = any(name.startswith("kubelet_") for name in asked)
    assert rule["labels"].get("namespace") == (None if of_volumes else RELEASE)


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("sum by (job) (rate(gateway_webhoks_total[5m]))", {"gateway_webhoks_total"}),
        ('gateway_webhooks_total{verdict="x"} > 0', {"gateway_webhooks_total{verdict}"}),
        ("slo:error_ratio:7m > 0.1", {"slo:error_ratio:7m"}),
        ("inference_seconds", {"inference_seconds"}),
        ('sum(inference_seconds_bucket{le="0.1"}) or vector(0)', set()),
        ("max_over_time(up[1h]) unless on (job) up offset 15m", set()),
    ],
    ids=[
        "a misspelt name",
        "a label of another",
        "not recorded",
        "a histogram without its suffix",
        "sound",
        "sound, too",
    ],
)
def test_a_series_that_there_is_not_is_noticed(expression: str, found: set[str]) -> None:
    assert unknown(expression, RECORDED) == found


def test_an_alert_has_a_section_of_the_run_book_and_each_section_an_alert() -> None:
    text = (ROOT / "docs" / "runbooks.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    by_name = dict(section.split("\n", 1) for section in sections)
    ours = [each.name for each in ALERTS]
    assert list(by_name) == ours + [each.name for each in RAISED if each.name not in ours]
    for name, section in by_name.items():
        for part in ("**Means**", "**Look**", "**Do**"):
            assert part in section, f"{name} lacks {part}"


@pytest.mark.parametrize("alert", ALERTS, ids=lambda each: each.name)
def test_the_link_of_an_alert_leads_to_its_section(alert: Alert) -> None:
    path, _, anchor = alert.runbook.partition("#")
    headings = re.findall(r"^## (.+)$", (ROOT / path).read_text(encoding="utf-8"), flags=re.MULTILINE)
    # As GitHub and others make anchors of headings of one word.
    assert anchor in {heading.lower() for heading in headings}


def test_what_dagster_raises_is_in_the_list_and_means_what_prometheus_does() -> None:
    listed = {(each.name, str(each.severity), each.labels) for each in RAISED if each.program == analytics.alerts.JOB}
    assert {(each.name, each.severity, each.labels) for each in analytics.alerts.KINDS} == listed
    severities = {each.name: each.severity for each in ALERTS}
    assert all(severities.get(each.name, each.severity) is each.severity for each in RAISED)


@pytest.mark.parametrize("alert", [each for each in ALERTS if each.lasting != "0m"], ids=lambda each: each.name)
def test_a_part_that_answers_late_resets_no_alert_that_waits(alert: Alert) -> None:
    # What is shown in every look of the watch, whichever part is away.
    always = {"watch_part_up", "watch_disk_free_bytes", "watch_disk_size_bytes"}
    for each in OWN:
        if each.program == "operations" and each.name not in always:
            found = re.findall(rf"\b{each.name}(?:{{[^}}]*}})?(\[)?", alert.expr)
            assert all(found), f"{alert.name} reads {each.name} as it is now"


def test_what_is_recorded_is_seen_also_where_an_evaluation_is_left_out() -> None:
    # A sample is seen for five minutes, and an alert that rests on it waits for longer.
    for path in (HERE / "rules").glob("*.yaml"):
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            number, unit = re.fullmatch(r"(\d+)([sm])", group["interval"]).groups()  # type: ignore[union-attr]
            assert 2 * int(number) * {"s": 1, "m": 60}[unit] < 5 * 60, group["name"]


def test_every_outcome_of_a_webhook_is_one_of_those_that_somebody_is_told_of() -> None:
    told = " ".join([alert.expr for alert in ALERTS] + [slo.events for slo in SLOS])
    named = {each for group in re.findall(r'outcome=~?"([^"]+)"', told) for each in group.split("|")}
    assert named == gateway.metrics.REASONS.keys() - {"accepted"}


def test_every_window_of_a_burn_rate_is_recorded() -> None:
    windows = {window for burn in (*FAST, *SLOW) for window in (burn.long, burn.short)}
    assert windows == {*HOURS, *DAYS}


@pytest.mark.parametrize("slo", SLOS, ids=lambda each: each.name)
def test_an_objective_can_be_missed_at_each_factor(slo: Slo) -> None:
    # A factor at which the whole budget's pace is above one would never be reached.
    assert all(burn.factor * slo.budget < 1 for burn in (*FAST, *SLOW))


def test_the_bound_of_an_objective_is_a_bucket_of_its_histogram() -> None:
    bounds = {"gateway_acknowledgement_seconds": set(gateway.metrics._BOUNDS)}
    for each in vars(orchestrator.metrics).values():
        if hasattr(each, "_upper_bounds"):
            bounds[each._name] = {str(bound) for bound in each._upper_bounds}
    asked = {match.groups() for slo in SLOS for match in re.finditer(r'(\w+)_bucket\{le="([^"]+)"\}', slo.good)}
    assert len(asked) == 4
    for histogram, bound in asked:
        assert bound in bounds[histogram]


def test_documents_name_metrics_as_they_are() -> None:
    """Names in the documents' tables and sentences, with or without their labels, are in the list."""
    known = {each.name: set(each.labels) for each in OWN} | {s: set(m.labels) for m in OWN for s in m.series}
    prefixes = "|".join(sorted({each.name.split("_")[0] for each in OWN}))
    found = re.compile(rf"`((?:{prefixes})_\w+?)(?:\{{([^}}]*)\}})?`")
    mentioned = 0
    documents = [ROOT / "docs/operations.md", ROOT / "docs/runbooks.md", *(ROOT / "docs/specs").glob("*.md")]
    for path in documents:
        for name, labels in found.findall(path.read_text(encoding="utf-8")):
            if not re.search(r"_(total|seconds|records|ready|open|transactions|timestamp_seconds|bytes|up)$", name):
                continue
            mentioned += 1
            assert name in known, f"{path.name}: {name}"
            named = {each.split("=")[0].strip() for each in labels.split(",") if each}
            assert named <= known[name], f"{path.name}: {name}{{{labels}}}"
    assert mentioned > 20


CASES = [
    case
    for path in sorted((HERE / "tests" / "promtool").glob("*.yaml"))
    for case in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]
]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda each: each.name)
def test_an_alert_is_seen_to_fire_and_to_stay_quiet(alert: Alert) -> None:
    # `promtool` runs them among the integration tests.
    mine = [check for case in CASES if alert.name in case["name"] for check in case["promql_expr_test"]]
    fires = [check for check in mine if any(f'"{alert.name}"' in each["labels"] for each in check["exp_samples"])]
    quiet = [check for check in mine if not check["exp_samples"]]
    assert fires
    assert quiet
    # Whatever its words name is a label that it was seen to have.
    named = set(re.findall(r"\$labels\.(\w+)", alert.summary + alert.description))
    seen = {name for check in fires for each in check["exp_samples"] for name in re.findall(r"(\w+)=", each["labels"])}
    assert named <= seen


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_case_feeds_series_and_labels_that_there_are(case: dict[str, Any]) -> None:
    for each in case["input_series"]:
        assert unknown(each["series"], RECORDED) == set()
