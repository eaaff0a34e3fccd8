"""Every module can be imported by itself, whatever has been imported before it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

MEMBERS = (
    *("analytics", "archiver", "catalogue", "codegen", "gateway", "inference", "kit", "monitoring"),
    *("normalizer", "operations", "orchestrator", "payments_contracts", "simulator", "stack"),
)
# Said by modules that work in another environment, or after another program.
ELSEWHERE = ("No module named 'pyflink'", "run `python -m analytics`, which parses the dbt project")

# Imports each module of a package in a process of its own, a fork of one that has imported what the package needs of
# other packages and nothing of its own: so a module is alone, and what is below it is imported once.
ALONE = """
import contextlib, importlib, os, pkgutil, sys

package = sys.argv[1]

def failed(name):
    try:
        importlib.import_module(name)
    except BaseException as error:
        return f"{name}: {type(error).__name__}: {error}"

def apart(work):
    read, write = os.pipe()
    if os.fork() == 0:
        os.close(read)
        try:
            with os.fdopen(write, "w") as out:
                out.write(work() or "")
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as said:
        text = said.read()
    os.wait()
    return text

def is_own(name):
    return name.partition(".")[0] == package

def modules():
    found = importlib.import_module(package)
    return [package, *(each.name for each in pkgutil.walk_packages(found.__path__, package + "."))]

def needed():
    for name in modules():
        with contextlib.suppress(BaseException):
            importlib.import_module(name)
    return " ".join(name for name in sys.modules if not is_own(name))

names = apart(lambda: " ".join(modules())).split()
for name in apart(needed).split():
    with contextlib.suppress(BaseException):
        importlib.import_module(name)
assert not any(map(is_own, sys.modules))
print(len(names))
for name in names:
    if said := apart(lambda: failed(name)):
        print(said)
"""


def alone(package: str) -> list[str]:
    """Return how many modules a package has, and a line for each that cannot be imported by itself."""
    finished = subprocess.run(
        [sys.executable, "-c", ALONE, package], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.splitlines()


@pytest.mark.parametrize("member", MEMBERS)
def test_every_module_can_be_imported_alone(member: str) -> None:
    count, *failures = alone(member)
    assert int(count) > 1
    assert [line for line in failures if not any(said in line for said in ELSEWHERE)] == []


def test_a_cycle_that_the_order_of_imports_hides_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "knot"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "high.py").write_text("def high(): ...\nfrom knot.low import low\n")
    (package / "low.py").write_text("from knot.high import high\ndef low(): ...\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    count, *failures = alone("knot")
    assert count == "3"
    assert [line.partition(": ")[0] for line in failures] == ["knot.low"]
