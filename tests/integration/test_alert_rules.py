"""Each alert fires and stays quiet, by Prometheus' own program: `promtool test rules` on the files that it loads.

Needs no server, but the program: it comes with the tools of the stack, or with a Prometheus of the machine.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from monitoring.release import RELEASE, VOLUMES, of_release
from monitoring.rules import files
from stack.settings import Settings
from stack.tools.catalogue import toolbox

from tests.conftest import ROOT

pytestmark = pytest.mark.integration
MONITORING = ROOT / "infra" / "monitoring"
RULES = sorted((MONITORING / "rules").glob("*.yaml"))
CASES = sorted((MONITORING / "tests" / "promtool").glob("*.yaml"))


@pytest.fixture(scope="module")
def promtool() -> str:
    settings = Settings()
    tools = toolbox(settings.places(), Path("no-java-is-asked-for"), settings.object_store)
    return str(tools.servers.target() / "promtool")


def run(promtool: str, *arguments: str | Path) -> tuple[int, str]:
    done = subprocess.run(
        [promtool, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.stem)
def test_rules_are_valid(promtool: str, rules: Path) -> None:
    code, said = run(promtool, "check", "rules", rules)
    assert code == 0, said
    assert "SUCCESS" in said


@pytest.mark.parametrize("cases", CASES, ids=lambda path: path.stem)
def test_each_alert_fires_and_stays_quiet(promtool: str, cases: Path) -> None:
    code, said = run(promtool, "test", "rules", cases)
    assert code == 0, said


@pytest.mark.parametrize("cases", CASES, ids=lambda path: path.stem)
@pytest.mark.parametrize("namespace", ["payments", "of-others"])
def test_a_release_is_told_of_itself_alone(promtool: str, cases: Path, namespace: str, tmp_path: Path) -> None:
    for name, text in files(of_release):
        (tmp_path / name).write_text(text.replace(RELEASE, "payments").replace(VOLUMES, "payments"), encoding="utf-8")
    told = yaml.safe_load(cases.read_text(encoding="utf-8"))
    told["rule_files"] = [Path(name).name for name in told["rule_files"]]
    if namespace != "payments":
        # That nothing of the release is there is an alert of the release.
        told["tests"] = [
            case for case in told["tests"] if not case["name"].startswith(("PartsUnwatched", "TargetAbsent"))
        ]
    samples = 0
    for case in told["tests"]:
        for given in case["input_series"]:
            given["series"] = labelled(given["series"], namespace)
        for expected in case["promql_expr_test"]:
            if namespace != "payments":
                expected["exp_samples"] = []
            for sample in expected["exp_samples"]:
                sample["labels"] = labelled(sample["labels"], "payments")
                samples += 1
        case["name"] += f", in {namespace}"
    (tmp_path / "cases.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    code, said = run(promtool, "test", "rules", tmp_path / "cases.yaml")
    assert code == 0, said
    assert samples > 0 or namespace != "payments"


def labelled(series: str, namespace: str) -> str:
    name, _, labels = series.partition("{")
    return f'{name}{{namespace="{namespace}",{labels or "}"}'.replace(",}", "}")


def test_an_alert_whose_threshold_is_moved_is_noticed(promtool: str, tmp_path: Path) -> None:
    alerts = (MONITORING / "rules" / "alerts.yaml").read_text(encoding="utf-8")
    assert alerts.count("> 1000") == 1
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "alerts.yaml").write_text(alerts.replace("> 1000", "> 2000"), encoding="utf-8")
    cases = yaml.safe_load((MONITORING / "tests" / "promtool" / "path.yaml").read_text(encoding="utf-8"))
    cases["rule_files"] = ["rules/alerts.yaml"]
    cases["tests"] = [case for case in cases["tests"] if case["name"] == "ConsumerLagHigh"]
    (tmp_path / "cases.yaml").write_text(yaml.safe_dump(cases), encoding="utf-8")
    code, said = run(promtool, "test", "rules", tmp_path / "cases.yaml")
    assert code != 0
    assert "ConsumerLagHigh" in said


def test_the_first_payment_in_a_currency_is_money_of_its_minute(promtool: str, tmp_path: Path) -> None:
    page = json.loads((MONITORING / "dashboards" / "overview.json").read_text(encoding="utf-8"))
    (panel,) = (each for each in page["panels"] if each["title"] == "Money per minute")
    expr = panel["targets"][0]["expr"].replace("$provider", ".*")
    # A counter that is not there for two minutes, and then is there with what the first payment brought.
    money = 'orchestrator_money_received_total{provider="stripe",currency="EUR"}'
    told = [
        ("1m", []),
        ("2m30s", [{"labels": '{currency="EUR"}', "value": 50}]),
        ("4m", [{"labels": '{currency="EUR"}', "value": 0}]),
    ]
    case = {
        "interval": "5s",
        "input_series": [{"series": money, "values": "_x24 50x30"}],
        "promql_expr_test": [{"expr": expr, "eval_time": at, "exp_samples": samples} for at, samples in told],
    }
    (tmp_path / "cases.yaml").write_text(
        yaml.safe_dump({"evaluation_interval": "5s", "tests": [case]}), encoding="utf-8"
    )
    code, said = run(promtool, "test", "rules", tmp_path / "cases.yaml")
    assert code == 0, said
