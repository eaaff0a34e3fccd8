"""Which types of PostgreSQL's become which others without a change to any row."""

from __future__ import annotations

import re

_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)")


def widens(one: str, other: str) -> bool:
    """Return whether a column of one type becomes the other: a decimal may get more digits before the point."""
    before, after = _NUMERIC.fullmatch(one), _NUMERIC.fullmatch(other)
    return bool(before and after and before[2] == after[2] and int(before[1]) <= int(after[1]))
