"""Each alert fires and stays quiet, by Prometheus' own program: `promtool test rules` on the files that it loads.

Needs no server, but the program: it comes with the tools of the stack, or with a Prometheus of the machine.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml
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
