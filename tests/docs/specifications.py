"""What a service's specification says of its settings and metrics, and what the code has."""

from __future__ import annotations

import ast
import importlib
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from kit import settings as shared
from kit.tracing import TracingSettings
from pydantic_core import PydanticUndefined

from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_settings import BaseSettings

SPECIFICATIONS = ROOT / "docs" / "specs"
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_NAME = re.compile(r"`([A-Z][A-Z0-9_<>]*)`")
_METRIC = re.compile(r"`([a-z]+_[a-z_]+)(?:\{([a-z_,]+)\})?`")
_PROVIDER = "GATEWAY_<PROVIDER>_"
ABSENT = object()
"""Of a setting that has to be set."""


@dataclass(frozen=True)
class Row:
    """A row of a table of settings: the names, and the cell of their defaults, which not every table has."""

    names: tuple[str, ...]
    default: str | None


def sections(document: str) -> dict[str, str]:
    """Return the text below each heading of the second level."""
    parts = _SECTION.split(document)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows_of_settings(document: str) -> Iterator[Row]:
    """Yield the rows of the table of settings, with the names as the code has them: without the provider's prefix."""
    for cells in _rows(sections(document)["Settings"]):
        names = tuple(name.removeprefix(_PROVIDER) for name in _NAME.findall(cells[0]))
        if names:
            yield Row(names, cells[-2] if len(cells) > 2 else None)


def rows_of_metrics(document: str) -> Iterator[tuple[str, frozenset[str] | None]]:
    """Yield each metric that begins a row of a table, with its labels, where the same cell names them."""
    for title, text in sections(document).items():
        if "etrics" in title or "watch" in title:
            for cells in _rows(text):
                for name, labels in _METRIC.findall(cells[0]):
                    yield name, frozenset(labels.split(",")) if labels else None


def _rows(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.startswith("|") and not line.startswith("| ---"):
            yield [cell.strip() for cell in line.strip()[1:-1].split("|")]


@cache
def settings_of(service: str) -> dict[str, Any]:
    """Return the settings that a service's own classes have, in capitals, with what each is unless set."""
    found: dict[str, Any] = {}
    for kind in _classes(service):
        for name, field in kind.model_fields.items():
            if name not in _shared():
                default = ABSENT if field.default is PydanticUndefined else field.default
                found.setdefault(name.upper(), default)
    return found


@cache
def shared_settings() -> frozenset[str]:
    """Return the settings that the kit has for all services."""
    return frozenset(name.upper() for name in _shared())


@cache
def _shared() -> frozenset[str]:
    kinds = [getattr(shared, name) for name in shared.__all__ if name.endswith("Settings")]
    return frozenset(name for kind in [*kinds, TracingSettings] for name in kind.model_fields)


def _classes(service: str) -> Iterator[type[BaseSettings]]:
    source = ROOT / "services" / service / "src"
    for path in sorted(source.rglob("*.py")):
        names = _names_of_classes(path.read_text(encoding="utf-8"))
        if names:
            module = importlib.import_module(".".join(path.relative_to(source).with_suffix("").parts))
            yield from (getattr(module, name) for name in names)


def _names_of_classes(source: str) -> list[str]:
    """Return the classes of a module that are settings, by their name: so no other module has to be imported."""
    classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    return [
        node.name
        for node in classes
        if any(isinstance(base, ast.Name) and base.id.endswith("Settings") for base in node.bases)
    ]
