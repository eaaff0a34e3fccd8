"""What makes the generated modules a package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.model import Catalog, GeneratedFile
from codegen.text import PACKAGE, notice, render

if TYPE_CHECKING:
    from collections.abc import Iterator


def emit(_: Catalog) -> Iterator[GeneratedFile]:
    """Yield the package's own files."""
    source = notice("codegen/src/codegen/templates")
    yield render("python/pyproject.toml", "pyproject.toml", notice=source)
    yield render(f"{PACKAGE}/__init__.py", "init.py", notice=notice("contracts"))
    yield GeneratedFile(f"{PACKAGE}/py.typed", b"")
