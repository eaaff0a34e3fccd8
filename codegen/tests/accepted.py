"""Texts that were accepted, each under its name in one file: UPDATE_GOLDEN=1 accepts what is said now."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_MARK = "===== "


def accepted(file: Path) -> dict[str, str]:
    """Return the texts of a file by name."""
    found: dict[str, str] = {}
    for part in file.read_text(encoding="utf-8").split(_MARK)[1:] if file.exists() else ():
        name, _, text = part.partition("\n")
        found[name] = text
    return found


def held(file: Path, name: str, said: str, names: Sequence[str]) -> str:
    """Return what was accepted under one of the names, in whose order they stand in the file."""
    known = accepted(file)
    if os.environ.get("UPDATE_GOLDEN") and known.get(name) != said:
        known[name] = said
        text = "".join(f"{_MARK}{each}\n{known[each]}" for each in names if each in known)
        file.write_text(text, encoding="utf-8")
    return known.get(name, "")
