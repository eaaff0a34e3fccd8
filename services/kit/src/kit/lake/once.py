"""Appending rows so that each key is in the table once, whatever fails in between.

An Iceberg commit names the snapshot that it builds on and is refused if the table has moved. So a row whose key was
looked up in that same snapshot cannot be appended twice, not even by a request that was given up for lost and
arrives late, nor by another process. Rows that nobody can have written before need no look-up.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

from kit.errors import Transient
from kit.lake.rows import Row


class Conflict(Exception):  # noqa: N818  # an event in the protocol, caught here
    """Another writer committed since the target was last refreshed; nothing was appended."""


class AppendTarget(Protocol):
    """A table that is appended to on top of the newest state that its user has seen.

    Every method may raise Transient, after which a call may or may not have had its effect.
    """

    @property
    def name(self) -> str:
        """Name for messages and metrics."""

    def check(self, row: Row) -> None:
        """Raise Rejected if the row does not fit the table, UnknownColumn if a column is missing. Touches no server."""

    def refresh(self) -> bool:
        """See the newest state; tell whether it holds a commit that was not made by `append` here."""

    def append(self, rows: Sequence[Row]) -> None:
        """Commit the rows on top of the state seen last.

        Raises:
            Conflict: The table has moved since; nothing was appended.
        """

    def present(self, rows: Sequence[Row]) -> AbstractSet[str]:
        """Return the keys among those of `rows` that the state seen last holds."""

    def expire(self) -> int:
        """Drop old snapshots and return how many."""


@dataclass(frozen=True, slots=True)
class Written:
    """What one call has done: the keys that were there before, and how often another writer came first."""

    already_there: frozenset[str]
    conflicts: int


class OnceAppender:
    """Appends groups of rows to a target, no key twice. To be used by one thread at a time."""

    def __init__(
        self, target: AppendTarget, *, attempts: int = 20, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._target = target
        self._attempts = attempts
        self._sleep = sleep
        self._moves = 0
        self._is_blind = False

    @property
    def moves(self) -> int:
        """How often another writer's commits came into sight.

        A row that waited while this grew may be among those commits and must be handed over as suspect.
        """
        return self._moves

    def append(self, rows: Mapping[str, Row], suspects: AbstractSet[str], *, moves: int | None = None) -> Written:
        """Commit the rows, given by key, in one snapshot; leave out those that the table already has.

        Args:
            rows: The rows by key.
            suspects: Keys that an earlier attempt, here or elsewhere, may have written.
            moves: What `moves` was when the suspects were named, if not now; if it grew since, all rows are suspects.

        Raises:
            Transient: The rows may or may not be in the table; hand them over again as suspects.
        """
        present: frozenset[str] = frozenset()
        before = self._moves if moves is None else moves
        if suspects or self._is_blind:
            self.refresh()
        if before != self._moves:
            suspects = rows.keys()
        for conflicts in range(self._attempts):
            if suspects:
                present = frozenset(self._target.present([rows[key] for key in suspects]))
            fresh = [row for key, row in rows.items() if key not in present]
            if not fresh:
                return Written(present, conflicts)
            try:
                self._target.append(fresh)
            except Conflict:
                self._sleep(min(0.01 * 2**conflicts, 0.5))
                self._moves += 1
                self.refresh()
                suspects = rows.keys()
            else:
                return Written(present, conflicts)
        raise Transient(
            f"{self._target.name}: other writers came first {self._attempts} times; is there more than one committer?"
        )

    def expire(self) -> int:
        """Drop old snapshots and return how many."""
        # The answer brings the newest state, with what others have written: it must be seen before the next append.
        self._is_blind = True
        expired = self._target.expire()
        self.refresh()
        return expired

    def refresh(self) -> bool:
        """See the newest state; tell whether another writer has committed since."""
        moved = self._target.refresh()
        self._moves += moved
        self._is_blind = False
        return moved
