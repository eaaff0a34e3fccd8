"""The cases below rules/<rule-id>/<case>: a few changed files over the base contracts, and what is then found.

`contracts/` holds the changed files, `before/` those that were different at the commit compared with, and
`expected.yaml` the findings, with their remedies where a rule has several, and the paths that the change deletes.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from codegen.compat import RULES as COMPAT_RULES
from codegen.lint import RULES as LINT_RULES
from codegen.loader import READING, load

if TYPE_CHECKING:
    from codegen.findings import Finding
    from codegen.model import Catalog

# What a folder of changed files cannot show: that the folder itself is not there, or that a file may not be read.
_NO_FILES = frozenset({"folder", "unreadable"})
PURPOSES = [
    *((rule, purpose) for rule, purpose in READING.items() if rule not in _NO_FILES),
    *((rule.id, rule.purpose) for rule in LINT_RULES),
    *((rule.id, rule.purpose) for rule in COMPAT_RULES),
]
IDS = [rule for rule, _ in PURPOSES]
TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parents[1]


@dataclass(frozen=True)
class Case:
    """A change to the base contracts."""

    folder: Path

    @property
    def rule(self) -> str:
        return self.folder.parent.name

    @property
    def name(self) -> str:
        return f"{self.rule}/{self.folder.name}"

    @property
    def expected(self) -> list[dict[str, Any]]:
        return [{key: each[key] for key in each if key != "remedy"} for each in self._data()["findings"]]

    @property
    def remedies(self) -> list[str]:
        """Return what each finding is to advise, empty where the case does not say."""
        return [each.get("remedy", "") for each in self._data()["findings"]]

    def old(self, scratch: Path) -> Catalog:
        return load(self._copied(scratch / "old", "before")) if (self.folder / "before").is_dir() else base()

    def new(self, scratch: Path) -> Catalog:
        root = self._copied(scratch / "new", "before", "contracts")
        for path in self._data().get("removed", ()):
            remove(root, path)
        return load(root)

    def _data(self) -> dict[str, Any]:
        data: dict[str, Any] = yaml.safe_load((self.folder / "expected.yaml").read_text(encoding="utf-8"))
        return data

    def _copied(self, target: Path, *overlays: str) -> Path:
        base_contracts(target)
        for overlay in overlays:
            if (self.folder / overlay).is_dir():
                shutil.copytree(self.folder / overlay, target, dirs_exist_ok=True)
        return target


def base_contracts(target: Path) -> Path:
    """Copy the base contracts to a folder, with the meta schemas of the real ones."""
    shutil.copytree(TESTS / "base", target)
    shutil.copytree(ROOT / "contracts" / "meta", target / "meta")
    return target


@cache
def base() -> Catalog:
    """Return the base contracts."""
    with tempfile.TemporaryDirectory() as scratch:
        return load(base_contracts(Path(scratch) / "contracts"))


def remove(root: Path, path: str) -> None:
    """Remove a file, and the folders that it leaves empty: git knows no empty folder."""
    (root / path).unlink()
    for folder in (root / path).parents:
        if any(folder.iterdir()):
            return
        folder.rmdir()


@cache
def cases() -> tuple[Case, ...]:
    return tuple(Case(file.parent) for file in sorted((TESTS / "rules").glob("*/*/expected.yaml")))


def plain(finding: Finding) -> dict[str, Any]:
    """Return a finding as it stands in a case."""
    return {"file": finding.file, "line": finding.line, "rule": finding.rule, "message": finding.message}
