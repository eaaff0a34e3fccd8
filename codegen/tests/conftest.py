"""The contracts that tests look at: the project's own, and a small folder that uses the whole language."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# pytest calls this file codegen.tests.conftest, after its path, and takes the member's folder for the package of that
# name: put the package in its place before anything imports from it.
if getattr(sys.modules.get("codegen"), "__file__", None) is None:
    sys.modules.pop("codegen", None)

from codegen.emit import emit
from codegen.loader import load

from codegen import cli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from codegen.model import Catalog

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).resolve().parent / "golden"


def copied(folder: Path) -> Path:
    """Copy the small contracts to a folder, with the meta schemas of the real ones."""
    shutil.copytree(GOLDEN / "acme" / "contracts", folder)
    shutil.copytree(ROOT / "contracts" / "meta", folder / "meta")
    return folder


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    return copied(tmp_path / "contracts")


@pytest.fixture
def edit(contracts: Path) -> Callable[[str, str, str], None]:
    """Return a function that replaces a text, which must be there, in a contract."""

    def replace(file: str, old: str, new: str) -> None:
        path = contracts / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{file} has no {old!r}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return replace


@pytest.fixture
def run(
    contracts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setattr(sys, "argv", ["codegen", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return command


@pytest.fixture(scope="session")
def project() -> Catalog:
    return load(ROOT / "contracts")


@pytest.fixture(scope="session")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return load(copied(tmp_path_factory.mktemp("acme") / "contracts"))


@pytest.fixture(scope="session")
def generated(acme: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], ModuleType]]:
    """Return a function that imports a module generated from the small contracts, apart from the project's package."""
    folder = tmp_path_factory.mktemp("generated")
    for file in emit(acme):
        if file.path.startswith("python/payments_contracts/"):
            target = folder / file.path.removeprefix("python/").replace("payments_contracts", "golden_contracts")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.content.replace(b"payments_contracts", b"golden_contracts"))
    sys.path.insert(0, str(folder))
    yield lambda name: importlib.import_module(f"golden_contracts.{name}")
    sys.path.remove(str(folder))
