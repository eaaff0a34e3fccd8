"""The lanes of `make integration`, with programs in the place of pytest and of the stack."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

SCRIPT = "tests/tools/integration.sh"
# Writes down which tests it would run; those that FAILING names fail, and the ones beside others say so late.
PROGRAM = """#!/bin/sh
echo "$(basename "$0") $1 $2 $3 $4" >> calls
case "$4" in trino*|flink*) sleep 0.3;; esac
echo "$4 has run"
[ "$4" = "$FAILING" ] && exit 1
exit 0
"""
TRINO = "trino and not alone and not nightly"
FLINK = "flink and not alone and not nightly"
OTHERS = "integration and not trino and not flink and not alone and not nightly"
ALONE = "(alone or e2e) and not nightly"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / SCRIPT).parent.mkdir(parents=True)
    shutil.copy(ROOT / SCRIPT, tmp_path / SCRIPT)
    for name in (".venv/bin/python", ".venv-stack/bin/stack"):
        program = tmp_path / name
        program.parent.mkdir(parents=True)
        program.write_text(PROGRAM)
        program.chmod(0o755)
    return tmp_path


def run(tree: Path, failing: str = "nothing") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"FAILING": failing}
    return subprocess.run([str(tree / SCRIPT)], cwd=tree, env=environment, check=False, capture_output=True, text=True)


def lanes(tree: Path) -> list[str]:
    calls = (tree / "calls").read_text().splitlines()
    return [call.removeprefix("python -m pytest -m ") for call in calls if call.startswith("python ")]


def test_all_lanes_run_and_each_says_what_it_did(tree: Path) -> None:
    done = run(tree)

    assert done.returncode == 0
    assert sorted(lanes(tree)[:3]) == sorted([TRINO, FLINK, OTHERS])
    assert lanes(tree)[3:] == [ALONE]
    said = [line for line in done.stdout.splitlines() if line.endswith(" has run") and not line.startswith(" ")]
    assert [line.removesuffix(" has run") for line in said] == [OTHERS, TRINO, FLINK, ALONE]


@pytest.mark.parametrize("failing", [TRINO, FLINK, OTHERS, ALONE])
def test_a_failure_of_any_lane_fails_all_and_is_shown(tree: Path, failing: str) -> None:
    done = run(tree, failing)

    assert done.returncode == 1
    assert f"{failing} has run" in done.stdout
    assert (ALONE in lanes(tree)) == (failing == ALONE)
