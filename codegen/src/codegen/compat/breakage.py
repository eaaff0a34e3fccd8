"""What a change breaks, and what in the contracts it concerns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codegen.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from codegen.document import Document, Place
    from codegen.model import Catalog

# The kind of a thing and its names, outermost first: ("column", "bronze.payments", "amount_cents").
Concern = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Breakage:
    """One thing that a change breaks; `line` is 0 where the file is gone."""

    concern: Concern
    file: str
    line: int
    message: str
    hint: str
    column: int = 0

    def finding(self, rule: str) -> Finding:
        """Return it as a finding of a rule."""
        return Finding(self.file, self.line, rule, self.message, self.hint, self.column)


@dataclass(frozen=True, slots=True)
class CompatRule:
    """A rule between two states of the contracts: `id` stands in every finding, `purpose` says what it protects."""

    id: str
    purpose: str
    check: Callable[[Catalog, Catalog], Iterator[Breakage]]


def broken(concern: Concern, source: Document, place: Place, message: str, hint: str) -> Breakage:
    """Return a breakage at a place in a contract as it is now."""
    line, column = source.position(place)
    return Breakage(concern, source.path, line, message, hint, column)


def gone(concern: Concern, source: Document, message: str, hint: str) -> Breakage:
    """Return a breakage of a contract whose file is no longer there."""
    return Breakage(concern, source.path, 0, message, hint)
