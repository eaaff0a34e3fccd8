"""The contracts that the catalogue's tests look at: the project's own, and codegen's small folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from codegen.loader import load

if TYPE_CHECKING:
    from codegen.model import Catalog

ROOT = Path(__file__).resolve().parents[3]


def copied(folder: Path) -> Path:
    """Copy the small contracts to a folder, with the meta schemas of the real ones."""
    shutil.copytree(ROOT / "codegen" / "tests" / "golden" / "acme" / "contracts", folder)
    shutil.copytree(ROOT / "contracts" / "meta", folder / "meta")
    return folder


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    return copied(tmp_path / "contracts")


@pytest.fixture(scope="session")
def project() -> Catalog:
    return load(ROOT / "contracts")


@pytest.fixture(scope="session")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return load(copied(tmp_path_factory.mktemp("acme") / "contracts"))
