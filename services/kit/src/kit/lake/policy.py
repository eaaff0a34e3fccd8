"""What a committer is told, and what it needs of a table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from kit.lake.history import Mark
from kit.lake.rows import Row
from kit.lake.write import Pending, Written


class Outcome(StrEnum):
    """What became of a row: both mean that a committed snapshot holds it."""

    APPENDED = "appended"
    ALREADY_THERE = "already_there"


@dataclass(frozen=True, slots=True)
class GroupPolicy:
    """When a group is committed, and the bounds of waiting.

    Attributes:
        max_rows: Rows at which a group is full.
        max_wait_seconds: How long the first row of a group waits for others.
        waiting_rows: Rows that may wait in all; beyond it, callers are held back.
        remembered_keys: Committed keys kept in memory, so that most repeated rows cost no look-up.
        longest_pause_seconds: The pause between attempts while the lake is away grows up to this.
        closing_seconds: How long the rows that wait are still tried to be committed once the committer is to stop.
    """

    max_rows: int = 500
    max_wait_seconds: float = 0.5
    waiting_rows: int = 5_000
    remembered_keys: int = 100_000
    longest_pause_seconds: float = 5.0
    closing_seconds: float = 10.0


class Steps(Protocol):
    """A group on its way into a table."""

    def step(self) -> Written:
        """Do what is left to do; Transient means: nothing is lost, step again."""


class Target(Protocol):
    """A table that groups of rows are written to. All but `name`, `mark` and `check` are called in one thread."""

    @property
    def name(self) -> str:
        """Name for messages and metrics."""

    @property
    def mark(self) -> Mark:
        """The newest state that was seen. Touches no server."""

    def check(self, row: Row) -> None:
        """Raise Rejected if the row does not fit the table, UnknownColumn if a column is missing. Touches no server."""

    def refresh(self) -> None:
        """See the newest state."""

    def begin(self, rows: Mapping[str, Pending], properties: Mapping[str, str] | None = None) -> Steps:
        """Start to write rows, given by key, in one commit."""


Describe = Callable[[Sequence[Row]], Mapping[str, str]]
"""Say something of a group's rows in the summary of its snapshot."""
