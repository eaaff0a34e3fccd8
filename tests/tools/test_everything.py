"""`make test`: checks and the set-up of the servers beside each other, with programs in their place."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

SCRIPT = "tests/tools/everything.sh"
# Says that it runs, waits for the file that it is told to wait for, and ends as it is told to.
PROGRAM = """#!/bin/sh
words="$(basename "$0") $*"
echo "$words" | tee -a calls
[ "$words" = "$WAITING" ] && until [ -e "$FOR" ]; do sleep 0.05; done
[ "$words" = "$FAILING" ] && exit 7
echo "$words ends" >> calls
touch "$(echo "$words" | tr ' ' -)"
exit 0
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / SCRIPT).parent.mkdir(parents=True)
    shutil.copy(ROOT / SCRIPT, tmp_path / SCRIPT)
    for name in ("infra/local/bootstrap.sh", "bin/make"):
        program = tmp_path / name
        program.parent.mkdir(parents=True)
        program.write_text(PROGRAM)
        program.chmod(0o755)
    return tmp_path


def run(tree: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{tree / 'bin'}:{os.environ['PATH']}", "WAITING": "", "FAILING": ""} | settings
    return subprocess.run([str(tree / SCRIPT)], cwd=tree, env=environment, check=False, capture_output=True, text=True)


def calls(tree: Path) -> list[str]:
    return (tree / "calls").read_text().splitlines()


@pytest.mark.parametrize(
    ("waiting", "other"),
    [("make check", "bootstrap.sh-setup"), ("bootstrap.sh setup", "make-check")],
)
def test_the_servers_are_set_up_while_the_checks_run(tree: Path, waiting: str, other: str) -> None:
    done = run(tree, WAITING=waiting, FOR=other)

    assert done.returncode == 0
    said = calls(tree)
    assert said[:2] == ["bootstrap.sh setup --python", "bootstrap.sh setup --python ends"]
    assert said[-3:-2] == [f"{waiting} ends"]
    assert said[-2:] == ["make integration", "make integration ends"]


def test_what_the_set_up_says_is_shown_after_what_the_checks_say(tree: Path) -> None:
    said = run(tree, WAITING="make check", FOR="bootstrap.sh-setup").stdout.splitlines()

    assert said.index("make check") < said.index("bootstrap.sh setup") < said.index("make integration")


@pytest.mark.parametrize("failing", ["bootstrap.sh setup --python", "bootstrap.sh setup", "make check"])
def test_no_test_runs_on_servers_after_a_failure(tree: Path, failing: str) -> None:
    assert run(tree, FAILING=failing).returncode != 0

    assert "make integration" not in calls(tree)


def test_a_failing_check_ends_the_set_up_beside_it(tree: Path) -> None:
    assert run(tree, FAILING="make check", WAITING="bootstrap.sh setup", FOR="never").returncode != 0

    assert "bootstrap.sh setup ends" not in calls(tree)
