"""What services decide by: `retry.py`, `business.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.text import PACKAGE, notice, render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Catalog, GeneratedFile


def emit(catalog: Catalog) -> Iterator[GeneratedFile]:
    """Yield a module for each policy that the contracts have."""
    if catalog.retry is not None:
        source = notice(f"contracts/{catalog.retry.source.path}")
        yield render(f"{PACKAGE}/retry.py", "retry.py", notice=source, retry=catalog.retry)
    if catalog.business is not None:
        source = notice(f"contracts/{catalog.business.source.path}")
        yield render(f"{PACKAGE}/business.py", "business.py", notice=source, business=catalog.business)
