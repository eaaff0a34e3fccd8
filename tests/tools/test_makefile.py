"""What the commands of the Makefile would run on a fresh clone, where nothing has been set up."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON_ALONE = "infra/local/bootstrap.sh setup --python"
EVERYTHING = "infra/local/bootstrap.sh setup"


@pytest.fixture
def fresh_clone(tmp_path: Path) -> Path:
    (tmp_path / "infra" / "local").mkdir(parents=True)
    for file in ("Makefile", "infra/local/stack.mk"):
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def recipes(clone: Path, target: str) -> list[str]:
    command = ["make", "--dry-run", "--directory", str(clone), "--no-print-directory", target]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [line.strip().removeprefix("@") for line in done.stdout.splitlines()]


@pytest.mark.parametrize("target", ["lint", "types", "codegen", "drift", "compat", "contracts-lint", "format", "check"])
def test_checks_and_codegen_set_up_python_and_no_server(fresh_clone: Path, target: str) -> None:
    run = recipes(fresh_clone, target)
    assert PYTHON_ALONE in run
    assert EVERYTHING not in run
    assert run.index(PYTHON_ALONE) == 0


@pytest.mark.parametrize("target", ["up", "integration", "setup"])
def test_what_runs_servers_gets_them(fresh_clone: Path, target: str) -> None:
    assert EVERYTHING in recipes(fresh_clone, target)
