"""The scripts of the Makefile, with programs in place of the stack's that write down how they were called."""

import os
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import ROOT

SETTINGS = "export KAFKA_BOOTSTRAP_SERVERS=somewhere"
PROGRAM = """#!/bin/sh
echo "$(basename "$0") $* [$PAYMENTS_STATE_DIR $PAYMENTS_PORT_OFFSET $KAFKA_BOOTSTRAP_SERVERS]" >> calls
[ "$*" = "${FAILING:-none}" ] && exit 7
[ "$1" = env ] && echo '%s'
exit 0
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    script = "tests/tools/with_test_stack.sh"
    (tmp_path / script).parent.mkdir(parents=True)
    shutil.copy(ROOT / script, tmp_path / script)
    for name in (".venv-stack/bin/stack", ".venv/bin/payments", ".venv/bin/simulator"):
        program = tmp_path / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(PROGRAM % SETTINGS)
        program.chmod(0o755)
    return tmp_path


def run(tree: Path, script: str, *arguments: str, **settings: str) -> int:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PAYMENTS_")}
    return subprocess.run([str(tree / script), *arguments], cwd=tree, env=kept | settings, check=False).returncode


def calls(tree: Path) -> list[str]:
    file = tree / "calls"
    return file.read_text().splitlines() if file.exists() else []


def test_a_command_on_the_test_stack_has_its_settings_and_the_stack_is_stopped_after_it(tree: Path) -> None:
    assert run(tree, "tests/tools/with_test_stack.sh", ".venv/bin/payments", "look") == 0
    assert calls(tree) == ["payments look [.state-test 5000 ]", "stack down [.state-test 5000 ]"]


def test_streams_are_started_with_topics_and_schemas_before_the_command(tree: Path) -> None:
    settings = {"PAYMENTS_TEST_STATE_DIR": "elsewhere", "PAYMENTS_TEST_PORT_OFFSET": "7000"}
    assert run(tree, "tests/tools/with_test_stack.sh", "--streams", ".venv/bin/payments", "look", **settings) == 0
    assert calls(tree) == [
        "stack up kafka registry [elsewhere 7000 ]",
        "stack env [elsewhere 7000 ]",
        "payments topics apply [elsewhere 7000 somewhere]",
        "payments schemas register [elsewhere 7000 somewhere]",
        "payments look [elsewhere 7000 somewhere]",
        "stack down [elsewhere 7000 somewhere]",
    ]


def test_the_stack_stays_where_it_is_to_be_kept(tree: Path) -> None:
    assert run(tree, "tests/tools/with_test_stack.sh", ".venv/bin/payments", "look", PAYMENTS_TEST_KEEP_STACK="1") == 0
    assert [call.split(" [")[0] for call in calls(tree)] == ["payments look"]


@pytest.mark.parametrize("failing", ["look", "topics apply", "up kafka registry", "env"])
def test_a_failure_is_passed_on_and_the_stack_stopped_all_the_same(tree: Path, failing: str) -> None:
    script = "tests/tools/with_test_stack.sh"
    assert run(tree, script, "--streams", ".venv/bin/payments", "look", FAILING=failing) == 7
    assert calls(tree)[-1].startswith("stack down ")
    if failing != "look":
        assert not any(call.startswith("payments look") for call in calls(tree))


@pytest.mark.parametrize("makefile", ["Makefile", "infra/local/stack.mk"])
def test_recipes_are_calls_and_not_programs(makefile: str) -> None:
    lines = (ROOT / makefile).read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if line.startswith("define ")]
    recipes = [line for line in lines if line.startswith("\t")]
    continued = [one for one, other in pairwise(recipes) if one.endswith("\\") and other.endswith("\\")]
    assert continued == []
