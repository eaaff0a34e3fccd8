"""The real servers that integration and end-to-end tests run against."""

import json
import os
import subprocess
import sys
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path

import pytest
from stack.places import Places
from stack.settings import Settings

from tests.tools.coverage_floors import is_measured

ROOT = Path(__file__).parents[1]
PROGRAM = ROOT / ".venv-stack" / "bin" / "stack"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let coverage follow tests that count for a floor alone: it makes each call four times as long.

    The marker `no_cover` of pytest-cov stops one of the two tracers that a worker of xdist has.
    """
    if is_measured(item.path.relative_to(ROOT)) and item.get_closest_marker("many") is None:
        return (yield)
    trace = sys.gettrace()
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(trace)


def _settings() -> dict[str, str]:
    return {
        "PAYMENTS_STATE_DIR": os.environ.get("PAYMENTS_TEST_STATE_DIR", str(ROOT / ".state-test")),
        "PAYMENTS_PORT_OFFSET": os.environ.get("PAYMENTS_TEST_PORT_OFFSET", "5000"),
    }


def places() -> Places:
    """Return the directories of the test stack."""
    return Settings(state_dir=Path(_settings()["PAYMENTS_STATE_DIR"])).places()


def run_stack(*arguments: str, **settings: str) -> str:
    """Run the `stack` command for the test stack, or for the one of these settings, and return what it prints."""
    environment = os.environ | _settings() | settings
    finished = subprocess.run(
        [str(PROGRAM), *arguments], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    if finished.returncode != 0:
        pytest.exit(f"`stack {' '.join(arguments)}` failed; what it said is above.", returncode=1)
    return finished.stdout


@pytest.fixture(scope="session")
def stack() -> Iterator[Mapping[str, str]]:
    """Start the infrastructure, apply topics, schemas and tables, and give every setting of it.

    The stack has ports and a state directory of its own, beside one that `make up` started. It is stopped after
    the last test unless PAYMENTS_TEST_KEEP_STACK is set. PAYMENTS_TEST_STACK_IS_UP says that somebody else has started
    it, and stops it.
    """
    if "PAYMENTS_TEST_STACK_IS_UP" in os.environ:
        yield json.loads(run_stack("env", "--format", "json"))
        return
    run_stack("up", "--only", "infrastructure")
    run_stack("up", "--only", "deployment")
    yield json.loads(run_stack("env", "--format", "json"))
    if "PAYMENTS_TEST_KEEP_STACK" not in os.environ:
        run_stack("down")
